"""What the page offers follows the world of the run: its skills, example, guidance and judge."""
from pathlib import Path

import pytest

from app.tabs.merge import panes
from engine import runs, worlds
from engine.core.errors import EngineError
from engine.core.store import write_json, write_records, write_text
from engine.core.types import Prompt
from engine.prompts import skills
from engine.runs import contents, opening
from tests.app.studio import answer

PHOTOGRAPHS = worlds.load("photographs")
SAID = "a dog on a skateboard in the rain"


@pytest.fixture
def photographs(runs_folder):
    """A run on a base of the Hub, with a prompt of its own."""
    write_text(runs_folder / "mine" / "recipe.toml", 'model = "someone/sdxl"\n')
    store = runs.open_store("mine")
    write_records(store.prompts("captions"), [Prompt("captions-1", "captions", SAID)])
    return store


def test_the_skills_to_write_for_are_the_worlds(studio, photographs):
    listener, = (one for one in studio.listeners("run", "change") if one.name == "offer_skills")
    of_run = {run: answer(listener, {"run": run})["prompts-skills"]["value"] for run in ("mine", "example")}
    assert of_run == {"mine": skills.of_world(PHOTOGRAPHS), "example": skills.of_world(worlds.usual())}
    assert all(of_run.values())


def test_the_merge_opens_on_the_worlds_example_at_its_guidance(photographs):
    first = opening.choose(photographs, ["captions"])
    assert (first.prompt, first.guidance) == (PHOTOGRAPHS.EXAMPLE, 7.5)


@pytest.mark.parametrize("run, is_offered", [("mine", False), ("example", True)])
def test_no_sentence_is_offered_where_nobody_reads(studio, photographs, run, is_offered):
    remarks = studio.refresh.tabs["merge"].show.__self__.panes.comparison._remarks(runs.open_store(run), [SAID])
    assert [update["visible"] for update in remarks.values()] == [is_offered] * 2
    given = {"run": run, "merge-prompt": SAID, "suggestion": "a star"}
    assert (studio.press("suggestion", given)["merge-prompt"] == "a star") is is_offered


def test_what_needs_a_judge_is_refused_where_there_is_none(photographs):
    with pytest.raises(EngineError, match="A search needs a judge"):
        contents.judge_of(photographs, "A search")
    assert contents.judge_of(runs.open_store("example"), "A search") == "storybook"
    contents.check_judged(photographs, "An evaluation", "a judge of one's own")


def test_the_code_beside_a_download_paints_the_worlds_example(studio, photographs):
    made = photographs.expert("captions")
    source = Path("assets/example_run/experts/styles/pytorch_lora_weights.safetensors")
    made.mkdir(parents=True)
    (made / source.name).write_bytes(source.read_bytes())
    write_json(made / "recipe.json", {"name": "captions", "base": {"model": "someone/sdxl"}, "kind": "expert"})
    code = studio.draw("merge", "mine", {"pane-in-sight": panes.FILES})["file-snippet"]["value"]
    assert PHOTOGRAPHS.EXAMPLE in code and "guidance_scale=7.5" in code and "someone/sdxl" in code


def test_a_grid_of_photographs_is_read_by_nobody(photographs):
    assert worlds.judge_of(contents.world(photographs)) == ""
