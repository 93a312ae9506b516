#!/usr/bin/env bash
# diffusers 0.42.1: DPMSolverMultistepScheduler.set_timesteps(mu=...) writes into its own frozen config, half of it.
#
# Guess:    mu counts for that walk alone; the config is a FrozenDict, and `scheduler.config.flow_shift` is what the
#           scheduler was made with.
# Seen:     the attribute `config.flow_shift` becomes exp(mu) while the item `config["flow_shift"]` stays 1.0: the two
#           ways of reading one config differ. A later set_timesteps without mu walks with the shift of the picture
#           before, and a copy made by from_config (as pipelines and trainers do) walks with none.
# Remedy:   give `flow_shift=exp(mu)` to a fresh scheduler, and no mu.
# Versions: diffusers 0.42.1, torch 2.13.0 (CPU, no weights).
# Exit:     0 when it behaves as said, 1 when it does not any more.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 diffusers==0.42.1 transformers==5.24.0 accelerate==1.15.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import math
import sys

from diffusers import DPMSolverMultistepScheduler

OPTIONS = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "use_dynamic_shifting": True}


def walk(scheduler, **how):
    scheduler.set_timesteps(4, **how)
    return [round(float(level), 3) for level in scheduler.sigmas]


fresh = walk(DPMSolverMultistepScheduler(**OPTIONS))
scheduler = DPMSolverMultistepScheduler(**OPTIONS)
with_mu = walk(scheduler, mu=math.log(3.0))
attribute, item = scheduler.config.flow_shift, scheduler.config["flow_shift"]
afterwards = walk(scheduler)
copied = walk(DPMSolverMultistepScheduler.from_config(scheduler.config))
print("without mu, fresh:      ", fresh)
print("with mu = log 3:        ", with_mu)
print("without mu, afterwards: ", afterwards)
print("a copy by from_config:  ", copied)
print("config.flow_shift:", round(attribute, 6), " config['flow_shift']:", item)
as_said = with_mu != fresh and afterwards == with_mu and copied == fresh and round(attribute, 6) == 3.0 and item == 1.0
sys.exit(0 if as_said else 1)
PYTHON
