"""Each tab shows its run, and its button starts its stage with what the form says."""
import re
import shutil

import pytest

from app.tabs import evaluate, experts, prompts
from engine import runs
from engine.core.errors import EngineError
from engine.core.plugins import load
from engine.core.store import write_json, write_records, write_text
from engine.core.types import Prompt
from engine.prompts import writers


def test_prompts_show_both_verdicts_and_can_be_filtered(studio):
    shown = studio.draw("prompts", "example")
    assert shown["prompts-skill"]["choices"] == [prompts.ALL, "counting", "places", "styles"]
    html = shown["prompts-list"]
    assert "<b>12</b> accepted" in html and "<b>6</b> refused" in html and "&lt;b&gt;dog" in html

    def listed(**given):
        values = {"run": "example"} | {f"prompts-{name}": value for name, value in given.items()}
        return studio.press("prompts-verdict", values, "input")["prompts-list"]

    assert 'class="refused"' not in listed(verdict=prompts.ACCEPTED)
    assert 'class="kept"' not in listed(verdict=prompts.REJECTED)
    assert re.findall(r'<h2 class="part">(\w+)</h2>', listed(skill="styles")) == ["styles"]


@pytest.mark.parametrize("tab, place", [
    ("prompts", "prompts-list"), ("images", "gallery"), ("experts", "samples"), ("evaluate", "ranking")])
def test_a_new_run_says_what_to_do(studio, tab, place):
    assert 'class="empty"' in studio.draw(tab, runs.NEW)[place]


def test_the_gallery_shows_every_skill_or_one(studio):
    shown = studio.draw("images", "example")
    assert shown["images-skills"]["value"] == ["counting", "places", "styles"]
    assert shown["gallery"].count("<img") == 12
    one = studio.press("images-skill", {"run": "example", "images-skill": "places"}, "input")
    assert one["gallery"].count("<img") == 4


def test_curves_and_samples_of_every_expert(studio):
    shown = studio.draw("experts", "example", {"experts-skills": ["places", "nonsense"]})
    assert shown["budget"] == "" and shown["experts-skills"]["value"] == ["places"]
    assert shown["loss-plot"]["visible"] and shown["samples"].count("<img") == 3 * 4 * 2
    assert '<th scope="col">step 100</th>' in shown["samples"]


def test_the_table_offers_what_was_scored(studio):
    shown = studio.draw("evaluate", "example")
    assert shown["evaluate-models"]["value"] == ["base", "merged"]
    assert shown["evaluate-table"]["value"] == "test/storybook" and shown["score-plot"]["visible"]
    assert "merged@2" in shown["ranking"] and shown["judged"].count("<img") == 3 * 9


@pytest.mark.parametrize("tab, element, value", [
    ("evaluate", "evaluate-models", ["base", "merged"]), ("evaluate", "evaluate-models", []),
    ("images", "images-skills", ["places"]), ("experts", "experts-skills", ["places"])])
def test_a_drawing_leaves_alone_what_is_chosen_meanwhile(studio, tab, element, value):
    """It sends a choice back only where the page's own has become another one."""
    assert "value" not in studio.draw(tab, "example", {element: value})[element]


def test_a_model_that_is_gone_is_chosen_no_more(studio):
    shown = studio.draw("evaluate", "example", {"evaluate-models": ["gone"]})
    assert shown["evaluate-models"]["value"] == ["base", "merged"]


def test_write_prompts(studio, started, runs_folder):
    changed = studio.press("write-prompts", {
        "run": "mine", "prompts-skills": ["counting"], "prompts-count": 7, "prompts-writer": "storybook",
        "prompts-writer-storybook-temperature": 0.5, "prompts-writer-openai_compatible-model": "other"})
    (stage, options, folder), = started
    assert stage == "prompts" and folder == runs_folder / "mine" and changed["run"]["value"] == "mine"
    assert (options["skills"], options["count"], options["writer"]) == (("counting",), 7, "storybook")
    assert options["writer_options"]["temperature"] == 0.5 and "model" in options["writer_options"]
    assert options["writer_options"]["model"] != "other", "that is another writer's"


def test_a_form_value_out_of_range_is_a_sentence(studio, started):
    with pytest.raises(EngineError, match="must lie between"):
        studio.press("write-prompts", {"run": "mine", "prompts-skills": ["counting"], "prompts-count": 0})
    assert not started


def test_working_on_the_example_starts_on_a_copy(studio, started, runs_folder):
    changed = studio.press("paint-pictures", {"run": "example", "images-skills": ["places"], "images-steps": 3})
    (stage, options, folder), = started
    assert folder == runs_folder / "example-1" and changed["run"]["value"] == "example-1"
    assert "example-1" in changed["run"]["choices"]
    assert stage == "images" and options["judge"] == "" and options["steps"] == 3


def test_best_of_needs_its_judge(studio, started):
    studio.press("paint-pictures", {"run": "mine", "images-skills": ["places"], "images-best_of": 4})
    (_, options, _), = started
    assert (options["best_of"], options["judge"]) == (4, "storybook")


@pytest.mark.parametrize("kind, made", [
    (experts.SEPARATE, {"places": ["places"], "styles": ["styles"]}), (experts.JOINT, {"joint": ["places", "styles"]})])
def test_train_experts(studio, started, kind, made):
    studio.press("train-experts", {
        "run": "mine", "experts-skills": ["places", "styles"], "experts-kind": kind, "experts-steps": 9})
    (_, options, _), = started
    assert options["experts"] == made and options["steps"] == 9 and options["objective"] == "denoise"


def evaluation(run, models=("base",), split="test", **options):
    """What the page sends with a press on Evaluate."""
    return {"run": run, "evaluate-models": list(models), "evaluate-guidances": ["2"], "evaluate-split": split,
            **{f"evaluate-{name}": value for name, value in options.items()}}


def test_evaluate(studio, started):
    given = evaluation("example", ["base", "merged"], "validation", guidances=["2", "3.5"])
    changed = studio.press("evaluate", given)
    (_, options, _), = started
    assert (changed["run"]["value"], changed["evaluate-table"]["value"]) == ("example-1", "validation/storybook")
    assert options["split"] == "validation" and options["guidances"] == (2.0, 3.5)
    assert options["models"] == {"base": {}, "merged": {"merged": 1.0}}
    assert options["model"] == "storybook" and options["revision"] is None
    assert options["keep_pictures"] > 0, "votes need pictures"


def test_evaluate_goes_on_with_the_runs_skills_and_revision(studio, started, runs_folder):
    write_text(runs_folder / "mine" / "recipe.toml", """
        model = "storybook"
        revision = "abc"
        skills = ["styles"]
        [evaluate]
        [validation]
        keep_pictures = 0
        [test]
    """)
    studio.press("evaluate", evaluation("mine"))
    (_, options, _), = started
    assert (options["skills"], options["revision"]) == (("styles",), "abc") and options["keep_pictures"] > 0


@pytest.mark.parametrize("own", ["", "own.jsonl"])
def test_pictures_that_the_judge_cannot_read_are_not_painted(studio, started, runs_folder, own):
    """On another base than Storybook's: as a search and leave-one-out are refused."""
    write_text(runs_folder / "mine" / "recipe.toml", 'model = "someone/sdxl"\n')
    with pytest.raises(EngineError, match="An evaluation needs a judge"):
        studio.press("evaluate", evaluation("mine", prompts=own))
    assert not started


def test_prompts_that_the_judge_cannot_read_are_not_painted(studio, started, runs_folder, tmp_path):
    write_records(tmp_path / "own.jsonl", [Prompt("a", "photos", "a dog on a skateboard")])
    with pytest.raises(EngineError, match="none of the 1 prompts.*dog"):
        studio.press("evaluate", evaluation("example", prompts=str(tmp_path / "own.jsonl")))
    assert not started and not runs_folder.exists()


def merging(**changed):
    """What the page sends with a press on Save."""
    weights = {f"weight-{number}": number / 2 for number in range(12)}
    return {"run": "mine", "experts": ["places", "styles"], "merge-name": "ours", "merge-method": "average",
            "merge-method-average-strength": 0.5, **weights, **changed}


def test_save_merge_names_its_weights(studio, started):
    studio.press("save-merge", merging())
    (stage, options, _), = started
    assert stage == "merge" and options == {
        "experts": {"places": 0.0, "styles": 0.5}, "name": "ours", "method": "average",
        "options": {"strength": 0.5}, "verify": True, "replace": False}


def test_a_merge_of_a_name_that_is_taken_is_refused_before_anything_starts(studio, started, runs_folder):
    with pytest.raises(EngineError, match="'merged'.*another name"):
        studio.press("save-merge", merging(**{"run": "example", "merge-name": "merged", "weight-0": 0.123}))
    assert not started and not runs_folder.exists()


@pytest.mark.parametrize("button, given, words", [
    ("write-prompts", {"prompts-skills": []}, "nothing to write for"),
    ("paint-pictures", {"images-skills": []}, "Write prompts first"),
    ("train-experts", {"experts-skills": []}, "no expert to train"),
    ("evaluate", {"evaluate-models": []}, "nothing to compare")])
def test_a_press_that_cannot_work_makes_no_run(studio, started, runs_folder, button, given, words):  # noqa: PLR0913
    with pytest.raises(EngineError, match=words):
        studio.press(button, {"run": "example", **given})
    assert not started and not runs_folder.exists()


def test_a_new_run_begins_with_prompts(studio, started, runs_folder):
    with pytest.raises(EngineError, match="begins with prompts"):
        studio.press("paint-pictures", {"run": runs.NEW, "images-skills": ["places"]})
    assert not started
    studio.press("write-prompts", {"run": runs.NEW, "prompts-skills": ["places"]})
    (_, _, folder), = started
    assert folder == runs_folder / "run-1"


def test_the_table_that_an_evaluation_is_to_fill_can_be_watched(studio, runs_folder):
    shutil.copytree(runs.folder("example"), runs_folder / "mine")
    write_json(runs_folder / "mine" / "jobs" / "0001-evaluate" / "config.json",
               {"config": {"split": "validation", "judge": "other"}})
    shown = studio.draw("evaluate", "mine", {"evaluate-table": "validation/other"})
    table = shown["evaluate-table"]
    assert table["value"] == "validation/other" and "test/storybook" in table["choices"]
    assert 'class="empty"' in shown["ranking"]
    assert studio.draw("evaluate", "mine")["evaluate-table"]["value"] == "test/storybook"


def test_a_damaged_file_reaches_whoever_presses(studio, started, runs_folder):
    write_text(runs_folder / "mine" / "jobs" / "0001-evaluate" / "config.json", "{broken")
    with pytest.raises(EngineError, match="config.json is damaged"):
        studio.press("evaluate", evaluation("mine"))


def test_a_server_comes_from_the_environment_or_from_the_recipe_of_the_run(studio, started, runs_folder, monkeypatch):
    openai = load(writers, "openai_compatible").Config
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
    studio.press("write-prompts", {
        "run": "mine", "prompts-skills": ["styles"], "prompts-writer": "openai_compatible",
        "prompts-writer-openai_compatible-model": "new"})
    (_, options, _), = started
    sent = options["writer_options"]
    assert (sent["base_url"], sent["model"]) == ("http://mine/v1", "new")


def test_the_rest_of_the_example_is_shown_where_every_guidance_is(studio):
    """Rows of every guidance scale, chosen by hand."""
    given = {"run": "example", "evaluate-rows": evaluate.EVERY, "evaluate-table": "test/storybook"}
    shown = studio.press("evaluate-rows", given, "input")
    assert "counting@3.5" in shown["ranking"]
