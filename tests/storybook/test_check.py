"""Measuring the bars: parts of it anew, and what a part that does not exist is told."""
import json

import pytest

from engine.core.errors import EngineError
from engine.storybook import check
from engine.storybook.__main__ import main

KNOWN = {"judge_ms": 1.0, "writer_parses": 0.5, "n": {"judge_ms": 9, "writer_parses": 9},
         "weights": {"base": "a", "writer": "b"}}


def test_a_part_measured_anew_joins_what_was_known():
    found = {"writer_parses": 0.9, "n": {"writer_parses": 20}, "weights": {"base": "a", "writer": "c"}}
    told = check.renewed(KNOWN, found, ["writer"])
    assert (told["judge_ms"], told["writer_parses"]) == (1.0, 0.9)
    assert told["n"] == {"judge_ms": 9, "writer_parses": 20} and told["weights"]["writer"] == "c"


def test_what_was_known_of_other_weights_is_not_kept():
    found = {"writer_parses": 0.9, "n": {}, "weights": {"base": "other", "writer": "c"}}
    with pytest.raises(EngineError, match="weights of base have changed"):
        check.renewed(KNOWN, found, ["writer"])


def test_the_judge_is_measured_alone(capsys):
    assert main(["check", "--quick", "--only", "judge"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"world", "n", "weights", "judge_exact", "judge_ms"} and told["n"]["judge_exact"] == 500
    assert told["judge_exact"] >= 0.99, "0.995 is the bar, on 5,000"


def test_an_unknown_part_is_refused(capsys):
    assert main(["check", "--only", "painter"]) == 1
    assert "Choose from judge, vae" in capsys.readouterr().err
