#!/usr/bin/env bash
# evalica 0.4.2: one model that never lost makes every Bradley-Terry score the same.
#
# Guess:    an unbeaten model gets the highest score, or a very large one, or a warning says that the estimate diverges.
# What is:  bradley_terry() and newman() give every model the score 1e-06, without a warning: the whole table is a tie.
#           elo() keeps the order, and so does bradley_terry() once a little of a tie is mixed in (alpha = 0.01).
# Why care: a young arena nearly always has a model without a loss, and its ranking is then alphabetical.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check evalica==0.4.2
"$work/venv/bin/python" - <<'PY'
import warnings

import evalica
from evalica import Winner

WINS, LOSES = Winner.X, Winner.Y
# Three models. "best" never loses; "middle" beats "worst" three times of four.
duels = [("best", "middle", WINS)] * 4 + [("best", "worst", WINS)] * 4
duels += [("middle", "worst", WINS)] * 3 + [("middle", "worst", LOSES)]
left, right, winners = map(list, zip(*duels))

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    found = {name: getattr(evalica, name)(left, right, winners).scores for name in ("bradley_terry", "newman", "elo")}
for name, scores in found.items():
    print(f"{name:14} " + "  ".join(f"{model} {score:.6g}" for model, score in scores.sort_index().items()))
print("warnings:", [str(one.message) for one in said])

for name in ("bradley_terry", "newman"):
    assert len(set(found[name])) == 1, f"{name} tells the models apart now"
assert not said, "it warns now"
order = list(found["elo"].sort_values(ascending=False).index)
assert order == ["best", "middle", "worst"], order
PY
