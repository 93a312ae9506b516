"""What the merge tab begins with: the run's own first scene, unless somebody has written another."""

import pytest

from app.tabs.merge import scene
from engine import runs
from engine.core.errors import EngineError
from engine.runs import opening
from engine.runs.opening import Opening

FIRST = Opening("a brown star", seed=7, guidance=2.0, reason="It gains most.")


@pytest.fixture
def begin(studio, monkeypatch):
    """What the tab changes when other experts are shown, with this in its boxes."""
    monkeypatch.setattr(opening, "choose", lambda run, experts: FIRST)

    def press(**boxes):
        given = {name.replace("_", "-"): value for name, value in boxes.items()}
        return studio.press("drawn-for", {"run": "mine", "experts": ["counting"], **given}, "change")

    return press


def test_a_run_begins_with_its_own_scene_and_says_why(begin):
    first = begin(merge_prompt=opening.EXAMPLE)
    assert (first["merge-noise"], first["begun"]) == (7, "a brown star")
    assert first["merge-guidance"]["value"] == 2.0
    assert first["merge-method"]["value"] == "average"
    assert FIRST.reason in first["merge-opening"]


def test_the_browser_alone_puts_the_first_prompt_into_its_box(begin):
    assert "merge-prompt" not in begin(merge_prompt=opening.EXAMPLE), "see scene.FIRST_PROMPT"


def test_what_somebody_wrote_stays(begin):
    again = begin(merge_prompt="my own ball", begun="a brown star")
    assert FIRST.reason in again["merge-opening"]
    assert not {"merge-noise", "begun"} & again.keys()


def test_the_shipped_examples_first_noise_fits_into_its_box(monkeypatch):
    monkeypatch.delenv("SELMA_EXAMPLE")
    example = runs.open_store(runs.EXAMPLE)
    first = opening.choose(example, ("counting", "everyday", "places", "styles", "unusual"))
    assert first.reason
    assert first.seed <= scene.LARGEST_SEED


def test_a_box_holds_a_prompt_per_line_each_once():
    assert scene.prompts_of(" two balls \n\na star\ntwo balls") == ("two balls", "a star")


def test_too_many_prompts_are_refused():
    with pytest.raises(EngineError, match="9 prompts"):
        scene.prompts_of("\n".join(f"{number} red balls" for number in range(9)))
