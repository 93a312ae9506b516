"""Each tab shows its run, and its button starts its stage with what the form says."""
import shutil
from dataclasses import fields

import gradio as gr
import pytest

from app.forms import history
from app.forms.picker import choose
from app.tabs import evaluate, experts, images, prompts
from engine import runs
from engine.core import plugins
from engine.core.errors import EngineError
from engine.core.store import write_json, write_records, write_text
from engine.core.types import Prompt
from engine.evaluate import Config as Scoring
from engine.experts import Config as Experts
from engine.images import Config as Images
from engine.prompts import Config as Prompts
from engine.prompts import writers


def test_prompts_show_both_verdicts_and_can_be_filtered():
    choice, html = prompts.show("example", prompts.ALL, "both")
    assert choice["choices"] == [prompts.ALL, "counting", "places", "styles"]
    assert "<b>12</b> accepted" in html and "<b>6</b> refused" in html and "&lt;b&gt;dog" in html
    assert 'class="refused"' not in prompts.listed("example", prompts.ALL, "accepted")
    assert 'class="kept"' not in prompts.listed("example", prompts.ALL, "refused")
    only = prompts.listed("example", "styles", "both")
    assert "<h2 class=\"part\">styles</h2>" in only and "<h2 class=\"part\">counting</h2>" not in only


@pytest.mark.parametrize("show, given, place", [
    (prompts.show, (prompts.ALL, "both"), 1), (images.show, ([], images.ALL), 2), (experts.show, ([],), 3),
    (evaluate.show, ([], None, evaluate.BEST), 2)])
def test_a_new_run_says_what_to_do(show, given, place):
    assert 'class="empty"' in show(runs.NEW, *given)[place]


def test_the_gallery_shows_every_skill_or_one():
    wanted, _, html = images.show("example", [], images.ALL)
    assert wanted["value"] == ["counting", "places", "styles"] and html.count("<img") == 12
    assert images.gallery("example", "places").count("<img") == 4


def test_curves_and_samples_of_every_expert():
    wanted, budget, plot, html = experts.show("example", ["places", "nonsense"])
    assert budget == "" and wanted["value"] == ["places"] and plot.visible and html.count("<img") == 3 * 4 * 2
    assert '<th scope="col">step 100</th>' in html


def test_the_table_offers_what_was_scored():
    models, table, ranking, plot, judged = evaluate.show("example", ["base"], None, evaluate.BEST)
    assert models["value"] == ["base", "merged"] and table["value"] == "test/storybook" and plot.visible
    assert "merged@2" in ranking and judged.count("<img") == 3 * 9


def test_a_drawing_leaves_alone_what_is_chosen_meanwhile():
    """It sends a choice back only where the page's own has become another one."""
    for models in (["base", "merged"], []):
        assert "value" not in evaluate.show("example", models, None, evaluate.BEST)[0]
    assert evaluate.show("example", ["gone"], None, evaluate.BEST)[0]["value"] == ["base", "merged"]
    assert "value" not in images.show("example", ["places"], images.ALL)[0]
    assert "value" not in experts.show("example", ["places"])[0]


def test_write_prompts(handler, started, runs_folder):
    values = {"writer": "storybook", "writer:storybook:temperature": 0.5, "writer:openai_compatible:model": "other"}
    chosen = handler("write")(run="mine", wanted=["counting"], count=7, **values)
    (stage, options, folder), = started
    assert stage == "prompts" and folder == runs_folder / "mine" and chosen["value"] == "mine"
    assert (options["skills"], options["count"], options["writer"]) == (("counting",), 7, "storybook")
    assert options["writer_options"] == {"temperature": 0.5}


def test_a_form_value_out_of_range_is_a_sentence(handler, started):
    with pytest.raises(gr.Error, match="must lie between"):
        handler("write")(run="mine", wanted=["counting"], count=0, writer="storybook")
    assert not started


def test_working_on_the_example_starts_on_a_copy(handler, started, runs_folder):
    chosen = handler("paint")(run="example", wanted=["places"], best_of=1, judge="storybook", steps=3)
    (stage, options, folder), = started
    assert folder == runs_folder / "example-1" and chosen["value"] == "example-1" and "example-1" in chosen["choices"]
    assert stage == "images" and options["judge"] == "" and options["steps"] == 3


def test_best_of_needs_its_judge(handler, started):
    handler("paint")(run="mine", wanted=["places"], best_of=4, judge="storybook")
    assert (started[0][1]["best_of"], started[0][1]["judge"]) == (4, "storybook")


@pytest.mark.parametrize("kind, made", [
    (experts.SEPARATE, {"places": ["places"], "styles": ["styles"]}), (experts.JOINT, {"joint": ["places", "styles"]})])
def test_train_experts(handler, started, kind, made):
    handler("train")(run="mine", wanted=["places", "styles"], kind=kind, objective="denoise", steps=9)
    assert started[0][1]["experts"] == made and started[0][1]["steps"] == 9


def test_evaluate(handler, started):
    chosen, table = handler("evaluate")(run="example", models=["base", "merged"], guidances=["2", "3.5"],
                                        split="validation", judge="storybook")
    options = started[0][1]
    assert (chosen["value"], table["value"], options["split"]) == ("example-1", "validation/storybook", "validation")
    assert options["models"] == {"base": {}, "merged": {"merged": 1.0}} and options["guidances"] == (2.0, 3.5)
    assert options["model"] == "storybook" and options["revision"] is None
    assert options["keep_pictures"] > 0, "votes need pictures"


def test_evaluate_goes_on_with_the_runs_skills_and_revision(handler, started, runs_folder):
    write_text(runs_folder / "mine" / "recipe.toml", """
        model = "storybook"
        revision = "abc"
        skills = ["styles"]
        [evaluate]
        [validation]
        keep_pictures = 0
        [test]
    """)
    handler("evaluate")(run="mine", models=["base"], guidances=["2"], split="test", judge="storybook")
    options = started[0][1]
    assert (options["skills"], options["revision"]) == (("styles",), "abc") and options["keep_pictures"] > 0


@pytest.mark.parametrize("own", [{}, {"prompts": "own.jsonl"}])
def test_pictures_that_the_judge_cannot_read_are_not_painted(handler, started, runs_folder, own):
    """On another base than Storybook's: as a search and leave-one-out are refused."""
    write_text(runs_folder / "mine" / "recipe.toml", 'model = "someone/sdxl"\n')
    with pytest.raises(gr.Error, match="An evaluation needs a judge, and the one that ships reads Storybook's pictures "
                                       "alone. Choose a run on Storybook".replace("'", "&#x27;")):
        handler("evaluate")(run="mine", models=["base"], guidances=["2"], split="test", judge="storybook", **own)
    assert not started


def test_prompts_that_the_judge_cannot_read_are_not_painted(handler, started, runs_folder, tmp_path):
    write_records(tmp_path / "own.jsonl", [Prompt("a", "photos", "a dog on a skateboard")])
    with pytest.raises(gr.Error, match="can read none of the 1 prompts; .*dog.*Choose prompts that it understands"):
        handler("evaluate")(run="example", models=["base"], guidances=["2"], split="test", judge="storybook",
                            prompts=str(tmp_path / "own.jsonl"))
    assert not started and not runs_folder.exists()


def test_save_merge_names_its_weights(handler, started):
    weights = {f"weight_{n}": n / 2 for n in range(12)}
    handler("merged")(run="mine", experts=["places", "styles"], name="ours", method="average",
                      **weights, **{"method:average:strength": 0.5}, prompt="", seed=1, guidance=2)
    assert started[0][:2] == ("merge", {"experts": {"places": 0.0, "styles": 0.5}, "name": "ours", "method": "average",
                                        "options": {"strength": 0.5}, "verify": True, "replace": False})


def test_a_merge_of_a_name_that_is_taken_is_refused_before_anything_starts(handler, started, runs_folder):
    weights = {f"weight_{n}": 0.123 for n in range(12)}
    with pytest.raises(gr.Error, match="There is another merge called &#x27;merged&#x27;.*another name"):
        handler("merged")(run="example", experts=["places", "styles"], name="merged", method="average", **weights,
                          **{"method:average:strength": 0.5}, prompt="", seed=1, guidance=2)
    assert not started and not runs_folder.exists()


@pytest.mark.parametrize("name, given, sentence", [
    ("write", {"wanted": [], "writer": "storybook"}, "nothing to write for"),
    ("paint", {"wanted": [], "best_of": 1, "judge": "storybook"}, "Write prompts first"),
    ("train", {"wanted": [], "kind": experts.SEPARATE, "objective": "denoise"}, "no expert to train"),
    ("evaluate", {"models": [], "guidances": ["2"], "split": "test", "judge": "storybook"}, "nothing to compare")])
def test_a_press_that_cannot_work_makes_no_run(handler, started, runs_folder, name, given, sentence):  # noqa: PLR0913
    with pytest.raises(gr.Error, match=sentence):
        handler(name)(run="example", **given)
    assert not started and not runs_folder.exists()


def test_a_new_run_begins_with_prompts(handler, started, runs_folder):
    with pytest.raises(gr.Error, match="begins with prompts"):
        handler("paint")(run=runs.NEW, wanted=["places"], best_of=1, judge="storybook")
    assert not started
    handler("write")(run=runs.NEW, wanted=["places"], writer="storybook")
    assert started[0][2] == runs_folder / "run-1"


def test_the_table_that_an_evaluation_is_to_fill_can_be_watched(runs_folder):
    shutil.copytree(runs.folder("example"), runs_folder / "mine")
    write_json(runs_folder / "mine" / "jobs" / "0001-evaluate" / "config.json",
               {"config": {"split": "validation", "judge": "other"}})
    _, table, told, *_ = evaluate.show("mine", [], "validation/other", evaluate.BEST)
    assert table["value"] == "validation/other" and "test/storybook" in table["choices"] and 'class="empty"' in told
    _, table, *_ = evaluate.show("mine", [], None, evaluate.BEST)
    assert table["value"] == "test/storybook"


def test_a_damaged_file_reaches_whoever_presses(handler, started, runs_folder):
    write_text(runs_folder / "mine" / "jobs" / "0001-evaluate" / "config.json", "{broken")
    with pytest.raises(gr.Error, match="config.json is damaged"):
        handler("evaluate")(run="mine", models=["base"], guidances=["2"], split="test", judge="storybook")


@pytest.mark.parametrize("stage, kind", [("prompts", Prompts), ("images", Images), ("experts", Experts)])
def test_a_form_starts_from_what_the_run_asked_for(stage, kind):
    found = history.of_run("example", stage, kind)
    assert isinstance(found, kind) and (stage != "images" or found.steps == 2)
    assert history.of_run("example", "evaluate", Scoring) is None and history.of_run(runs.NEW, stage, kind) is None


def test_the_last_job_says_more_than_the_recipe(runs_folder):
    shutil.copytree(runs.folder("example"), runs_folder / "mine")
    for number, steps in ((9, 7), (10, 8)):
        write_json(runs_folder / "mine" / "jobs" / f"{number:04}-images" / "config.json",
                   {"config": {"skills": ["places"], "steps": steps}})
    assert history.of_run("mine", "images", Images).steps == 8


def test_a_recipe_that_makes_no_sense_is_a_sentence(runs_folder):
    write_text(runs_folder / "mine" / "recipe.toml", "[prompts]\ncuont = 3\n")
    with pytest.raises(EngineError, match="cuont"):
        history.of_run("mine", "prompts", Prompts)


def test_every_field_of_a_form_is_filled(demo):
    """From the recipe where there is one, from the defaults where there is none."""
    fills = [listener for listener in demo.fns.values() if listener.name == "fill"]
    assert len(fills) == 4
    for listener in fills:
        for run in ("example", runs.NEW):
            assert len(listener.fn(run)) == len(listener.outputs)
    images_form = next(listener for listener in fills if {"value": 2, "__type__": "update"} in listener.fn("example"))
    assert {"value": 20, "__type__": "update"} in images_form.fn(runs.NEW)


def test_the_options_of_every_writer_are_in_the_form_but_where_a_key_is_sent():
    with gr.Blocks():
        inputs = choose("writer", "writer_options", writers, "storybook").inputs
    wanted = {f"writer:{name}:{field.name}" for name in plugins.names(writers)
              for field in fields(plugins.load(writers, name).Config)}
    hidden = {"writer:openai_compatible:base_url", "writer:openai_compatible:api_key_variable"}
    assert set(inputs) == (wanted | {"writer"}) - hidden


def test_a_server_comes_from_the_environment_or_from_the_recipe_of_the_run(handler, started, runs_folder, monkeypatch):
    openai = plugins.load(writers, "openai_compatible").Config
    assert (openai().base_url, openai().api_key_variable) == ("http://localhost:8000/v1", "")
    monkeypatch.setenv("SELMA_LLM_URL", "https://own/v1")
    monkeypatch.setenv("SELMA_LLM_KEY", "secret")
    assert (openai().base_url, openai().api_key_variable) == ("https://own/v1", "SELMA_LLM_KEY")
    write_text(runs_folder / "mine" / "recipe.toml", """
        [prompts]
        skills = ["styles"]
        writer = "openai_compatible"
        writer_options = { base_url = "http://mine/v1", model = "old" }
    """)
    handler("write")(run="mine", wanted=["styles"], writer="openai_compatible", **{
        "writer:openai_compatible:model": "new"})
    assert started[0][1]["writer_options"] == {"base_url": "http://mine/v1", "model": "new"}
