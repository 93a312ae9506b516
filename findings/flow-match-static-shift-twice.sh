#!/usr/bin/env bash
# diffusers 0.42.1: a static shift of FlowMatchEulerDiscreteScheduler is applied twice to the ends of a walk.
#
# Guess:    `shift=3.0` and dynamic shifting with the same mu, log 3, walk the same noise levels; the last one is the
#           lowest that training sees, shift(1/1000) = 0.002994.
# Seen:     set_timesteps spaces the steps between the ends that the constructor has shifted already, and shifts all of
#           them once more: the last level is 0.00893, three times the lowest of training, and the whole lower half of
#           the walk lies a little higher. Dynamic shifting ends at 0.00299. With shift 1 the two agree.
# Remedy:   to reproduce a pipeline, take its scheduler's own sigmas; never compute them from `shift`.
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

from diffusers import FlowMatchEulerDiscreteScheduler

STEPS = 4


def walk(scheduler, **how):
    scheduler.set_timesteps(STEPS, **how)
    return [round(float(level), 5) for level in scheduler.sigmas[:-1]]


def shifted(level, shift):
    return shift * level / (1 + (shift - 1) * level)


static = FlowMatchEulerDiscreteScheduler(shift=3.0)
lowest_of_training = round(float(static.sigmas[-1]), 5)
by_shift = walk(static)
by_mu = walk(FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), mu=math.log(3.0))
plain = walk(FlowMatchEulerDiscreteScheduler(shift=1.0))
print("lowest level of training:", lowest_of_training)
print("static shift 3:          ", by_shift)
print("dynamic, mu = log 3:     ", by_mu)
print("no shift:                ", plain)
once = round(shifted(0.001, 3.0), 5)
twice = round(shifted(shifted(0.001, 3.0), 3.0), 5)
as_said = lowest_of_training == once == by_mu[-1] and by_shift[-1] == twice == 0.00893 and plain[-1] == 0.001
sys.exit(0 if as_said else 1)
PYTHON
