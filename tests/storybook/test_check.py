"""Measuring the bars: parts of it anew, and what a part that does not exist is told."""
import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.core.errors import EngineError
from engine.storybook import check
from engine.storybook.__main__ import main
from engine.storybook.train import cards

KNOWN = {"judge_ms": 1.0, "writer_parses": 0.5, "n": {"judge_ms": 9, "writer_parses": 9},
         "weights": {"base": "a", "writer": "b"}}


def test_a_part_measured_anew_joins_what_was_known():
    found = {"writer_parses": 0.9, "n": {"writer_parses": 20}, "weights": {"base": "a", "writer": "c"}}
    told = check.renew(KNOWN, found, ["writer"])
    assert (told["judge_ms"], told["writer_parses"]) == (1.0, 0.9)
    assert told["n"] == {"judge_ms": 9, "writer_parses": 20} and told["weights"]["writer"] == "c"


def test_what_was_known_of_other_weights_is_not_kept():
    found = {"writer_parses": 0.9, "n": {}, "weights": {"base": "other", "writer": "c"}}
    with pytest.raises(EngineError, match="weights of base have changed"):
        check.renew(KNOWN, found, ["writer"])


def test_the_judge_is_measured_alone(capsys):
    assert main(["check", "--quick", "--only", "judge"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"world", "n", "weights", "judge_exact", "judge_ms"} and told["n"]["judge_exact"] == 500
    assert told["judge_exact"] >= 0.99, "0.995 is the bar, on 5,000"


def test_an_unknown_part_is_refused(capsys):
    assert main(["check", "--only", "painter"]) == 1
    assert "Choose from judge, vae" in capsys.readouterr().err


def read_cards(assets):
    return {name: (assets / place / cards.CARD).read_text(encoding="utf-8") for name, place in check.PLACES.items()}


def test_the_cards_tell_what_was_measured_of_these_weights_alone(tmp_path):
    for place in check.PLACES.values():
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        save_file({place: np.zeros(2)}, tmp_path / place / "model.safetensors")
        (tmp_path / place / cards.CARD).write_text("# A model\n\nResults: old\n", encoding="utf-8")
    told = {key: 0.5 for bars in cards.BARS.values() for key in bars}
    told |= {"n": {"judge_exact_after_vae": 7}, "weights": check.weights(tmp_path) | {"weak": "other"}}
    cards.renew(tmp_path, told)
    written = read_cards(tmp_path)
    assert all(text.startswith("# A model\n\nResults") and "old" not in text for text in written.values())
    assert '"judge_exact_after_vae": 7' in written["vae"] and '"base_floor": 0.5' in written["base"]
    assert written["weak"].endswith("Results: `python -m engine.storybook check`.\n")
    cards.renew(tmp_path, told)
    assert read_cards(tmp_path) == written
