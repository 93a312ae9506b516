"""The stage on a real pipeline with small random weights: same seeds, mixed batches, floor, ceiling, resume."""
import base64
import shutil
from dataclasses import replace

import pytest
from datasets import load_dataset
from PIL import Image

from engine import evaluate
from engine.core.errors import EngineError
from engine.core.imagefolder import file_name
from engine.core.store import Store, read_json, read_records, write_json, write_records, write_text
from engine.core.types import Picture, Prompt
from engine.evaluate import planning
from engine.evaluate.picture_cache import FOLDER
from engine.models import ensemble
from engine.models.lora import expert_files
from engine.models.lora.factors import Factors
from engine.storybook.evaluation import load
from tests.evaluate.small_run import ARMS, SKILLS, scores, values, write_experts
from tests.tiny_models import tiny_distilled


def test_every_arm_has_the_same_prompts_and_seeds(finished):
    store, events = finished
    keys = {model: list(values(scores(store, model))) for model in
            ("base@1", "base@3", "counting@1", "counting@3", "both@1", "both@3")}
    assert len(keys["base@1"]) == 2 * 2 * 2 and all(found == keys["base@1"] for found in keys.values())
    assert events[-1].kind == "done" and events[-1].done == events[-1].total == 48
    assert set(events[-1].data["means"]) == set(keys)


def test_a_score_says_what_it_is_about(finished):
    score = scores(finished[0], "base@1")[1]
    prompt = load("validation", "counting")[0]
    assert (score.prompt_id, score.judge) == (prompt.id, "storybook")
    assert (score.skill, score.text, score.evidence.number) == ("counting", prompt.text, 1)
    assert len(score.answers) > 0 and score.seen.flags is not None


def test_experts_and_guidance_change_the_pictures(finished):
    thumbnails = {model: [pooled for _, pooled in values(scores(finished[0], model)).values()]
                  for model in ("base@1", "base@3", "counting@1", "both@1")}
    assert len({tuple(found) for found in thumbnails.values()}) == 4


def test_an_arm_in_a_mixed_batch_is_what_it_is_alone(config, finished, tmp_path):
    store = Store(tmp_path)
    shutil.copytree(finished[0].folder / "experts", tmp_path / "experts")
    alone = replace(config, models={"both": ARMS["both"]}, guidances=(3.0,), batch_size=1, ceiling=False)
    list(evaluate.run(alone, store))
    for key, (_, pooled) in values(scores(store, "both@3")).items():
        mixed = values(scores(finished[0], "both@3"))[key][1]
        assert max(abs(a - b) for a, b in zip(decoded(pooled), decoded(mixed), strict=True)) <= 1


def decoded(pooled):
    return base64.b64decode(pooled)


def test_the_floor_is_the_same_picture_before_another_prompt_of_the_skill(config, finished):
    ours, floor = (scores(finished[0], "base@3", f"validation/storybook{suffix}") for suffix in ("", ".floor"))
    assert len(ours) == len(floor)
    for score, wrong in zip(ours, floor, strict=True):
        assert wrong.seed == score.seed and wrong.pooled == score.pooled
        assert wrong.prompt_id != score.prompt_id and wrong.skill == score.skill
    prompts = evaluate.check(config)
    more = planning.rows(replace(config, prompts_per_skill=50), prompts)
    partners = {row.prompt.id: row.other.id for row in more}
    assert all(partners[row.prompt.id] == row.other.id for row in planning.rows(config, prompts))


def test_the_ceiling_is_drawn_for_the_prompts(config, finished):
    found = scores(finished[0], "ceiling")
    assert [score.prompt_id for score in found] == [
        prompt.id for skill in SKILLS for prompt in load("validation", skill)[:2]]


def test_the_first_pictures_are_kept_as_an_imagefolder(finished, tmp_path):
    folder = finished[0].pictures("both@3")
    kept = read_records(folder / "metadata.jsonl", Picture)
    assert [picture.prompt_id for picture in kept] == [f"validation-{skill}-000" for skill in SKILLS]
    assert sorted(path.name for path in folder.glob("*.png")) == sorted(picture.file_name for picture in kept)
    assert {picture.guidance for picture in kept} == {3.0}
    assert Image.open(folder / kept[0].file_name).size == (64, 64)
    opened = load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(tmp_path))
    assert set(opened) == {"train"}
    assert sorted(opened["train"]["prompt_id"]) == sorted(picture.prompt_id for picture in kept)


def test_what_is_finished_is_not_painted_again(config, finished, monkeypatch):
    monkeypatch.setattr(ensemble.Ensemble, "painter", property(lambda self: pytest.fail("nothing is missing")))
    events = list(evaluate.run(config, finished[0]))
    assert [event.kind for event in events] == ["done"]


def test_a_stopped_evaluation_goes_on_to_the_same_scores(config, finished, run_folder):
    shutil.rmtree(run_folder.folder / "scores")
    stopped = evaluate.run(config, run_folder)
    assert [next(stopped).done for _ in range(3)] == [5, 10, 15]
    stopped.close()
    before = scores(run_folder, "base@1") + scores(run_folder, "counting@1")
    events = list(evaluate.run(config, run_folder))
    assert len(before) == 15 and events[0].done == 20
    for model in ("base@1", "counting@1", "both@3", "ceiling"):
        assert scores(run_folder, model) == scores(finished[0], model)
        assert scores(run_folder, model, "validation/storybook.floor") == scores(
            finished[0], model, "validation/storybook.floor")


def test_more_prompts_only_add(config, finished, run_folder):
    events = list(evaluate.run(replace(config, prompts_per_skill=3, ceiling=False), run_folder))
    assert events[-1].total == 72
    before, after = (values(scores(store, "both@3")) for store in (finished[0], run_folder))
    assert len(after) == 12 and before.items() <= after.items()


def test_a_skill_that_is_asked_for_later_is_added_and_voids_nothing(config, finished, run_folder):
    before = scores(run_folder, "base@3")
    list(evaluate.run(replace(config, skills=("twins",)), run_folder))
    after = scores(run_folder, "base@3")
    assert after[:len(before)] == before and {s.skill for s in after[len(before):]} == {"twins"}
    recipe = read_json(run_folder.folder / "scores/base@3/validation/storybook.recipe.json")["recipe"]
    assert {f"prompts of {skill}" for skill in (*SKILLS, "twins")} <= set(recipe)
    assert list(evaluate.run(config, run_folder))[-1].kind == "done" and scores(run_folder, "base@3") == after
    file = run_folder.folder / "scores/base@3/validation/storybook.recipe.json"
    write_text(file, file.read_text().replace(recipe["prompts of twins"], "0" * 64))
    with pytest.raises(EngineError, match="prompts of twins"):
        list(evaluate.run(replace(config, skills=("twins",)), run_folder))


def test_the_ceiling_is_one_for_the_run_whatever_the_noise(config, finished, run_folder):
    """Leaving one out and the search judge with seeds and skills of their own, and replace what they made before."""
    before = scores(run_folder, "ceiling")
    own = {"_all": {"counting": 1.0}}
    list(evaluate.run(replace(config, models=own, seed=5, skills=("twins",), replace=True), run_folder))
    after = scores(run_folder, "ceiling")
    assert after[:len(before)] == before and len(after) == len(before) + 2
    assert list(evaluate.run(config, run_folder))[-1].kind == "done"


def recipe_file(store, model):
    return store.scores(model, "validation/storybook.recipe").with_suffix(".json")


def test_a_ceiling_of_other_settings_is_refused_before_anything_is_painted(config, run_folder, monkeypatch):
    monkeypatch.setattr(ensemble.Ensemble, "painter", property(lambda self: pytest.fail("nothing is to be painted")))
    record = read_json(recipe_file(run_folder, "ceiling"))
    record["recipe"]["model's sha256"] = "0" * 64
    write_json(recipe_file(run_folder, "ceiling"), record)
    run_folder.scores("base@1", "validation/storybook").unlink()
    with pytest.raises(EngineError, match="of ceiling .*model's sha256"):
        list(evaluate.run(config, run_folder))
    assert scores(run_folder, "base@1") == []


def test_scores_that_are_older_than_a_sampling_option_count_as_painted_with_its_default(config, run_folder):
    record = read_json(recipe_file(run_folder, "base@1"))
    assert record["recipe"].pop("sampler") == config.sampler
    write_json(recipe_file(run_folder, "base@1"), record)
    assert list(evaluate.run(config, run_folder))[-1].kind == "done"
    with pytest.raises(EngineError, match=r"of base@1 .*sampler"):
        list(evaluate.run(replace(config, sampler="ddim"), run_folder))


def test_a_picture_that_is_missing_is_painted_again_and_no_score_changes(config, finished, run_folder):
    lost = run_folder.pictures("both@3") / file_name("validation-counting-000", 0)
    before = scores(run_folder, "both@3")
    painted = lost.read_bytes()
    lost.unlink()
    shutil.rmtree(run_folder.folder / FOLDER)
    assert list(evaluate.run(config, run_folder))[-1].kind == "done"
    assert lost.read_bytes() == painted and scores(run_folder, "both@3") == before


def test_other_settings_are_refused_and_replaced_when_asked(config, run_folder):
    other = replace(config, steps=3, models={"base": {}}, guidances=(1.0,), ceiling=False)
    before = scores(run_folder, "base@1")
    with pytest.raises(EngineError, match=r"base@1 .*\(steps 2 -> 3\)"):
        list(evaluate.run(other, run_folder))
    assert scores(run_folder, "base@1") == before
    on_test = replace(config, split="test", models={"base": {}}, guidances=(1.0,), ceiling=False)
    list(evaluate.run(on_test, run_folder))
    pictures = {file.name: file.read_bytes() for file in run_folder.pictures("base@1").glob("*.png")}
    list(evaluate.run(replace(other, replace=True), run_folder))
    assert len(scores(run_folder, "base@1")) == 8 and scores(run_folder, "base@1") != before
    after = {file.name: file.read_bytes() for file in run_folder.pictures("base@1").glob("*.png")}
    assert set(after) == set(pictures) == {p.file_name for p in read_records(
        run_folder.pictures("base@1") / "metadata.jsonl", Picture)}
    assert {name for name in after if after[name] == pictures[name]} == {
        file_name(f"test-{skill}-000", 0) for skill in SKILLS}
    recipe = read_json(run_folder.folder / "scores/base@1/validation/storybook.recipe.json")
    assert recipe["recipe"]["steps"] == 3 and "torch" in recipe["versions"]


def test_a_retrained_expert_is_noticed(config, run_folder):
    expert = expert_files.read(run_folder.expert("styles")).expert
    expert_files.write(run_folder.expert("styles"), {p: Factors(f.a * 2, f.b, f.scale) for p, f in expert.items()}, {})
    with pytest.raises(EngineError, match="both@1 .*settings .*styles.s sha256"):
        list(evaluate.run(config, run_folder))


def test_an_expert_of_another_base_is_refused(config, run_folder):
    expert = expert_files.read(run_folder.expert("styles")).expert
    expert_files.write(run_folder.expert("styles"), expert, {"base": {"model": "other/base", "sha256": "0" * 64}})
    with pytest.raises(EngineError, match="styles .* other/base.* differ"):
        list(evaluate.run(replace(config, models={"styles": {"styles": 1.0}}, replace=True), run_folder))


def test_prompts_of_another_world(config, tmp_path):
    file = tmp_path / "prompts.jsonl"
    write_records(file, [Prompt("p1", "dogs", "a dog on a skateboard"), Prompt("p2", "dogs", "a red ball"),
                         Prompt("p3", "cats", "a blue star")])
    other = replace(config, models={"base": {}}, skills=(), prompts=str(file), pictures_per_prompt=1)
    events = list(evaluate.run(other, Store(tmp_path)))
    found = {score.prompt_id: score for score in scores(Store(tmp_path), "base@3")}
    assert found["p1"].value is None and found["p2"].value is not None
    assert events[-1].total == 6 and not Store(tmp_path).scores("ceiling", "validation/storybook").exists()
    assert len(scores(Store(tmp_path), "base@3", "validation/storybook.floor")) == 2
    with pytest.raises(EngineError, match="'birds'.* dogs, cats"):
        evaluate.check(replace(other, skills=("birds",)))
    write_records(file, [Prompt("p1", "dogs", "a dog")] * 2)
    with pytest.raises(EngineError, match="two prompts with the id 'p1'"):
        evaluate.check(other)
    write_records(file, [Prompt("p1", "dogs", "a dog " * 20_000)])
    with pytest.raises(EngineError, match="120,000 characters"):
        evaluate.check(other)


def test_a_family_without_experts_is_judged_as_the_base(config, tmp_path):
    other = replace(config, model=str(tiny_distilled(tmp_path / "base")), models={"base": {}}, sampler="default",
                    ceiling=False, skills=("counting",), pictures_per_prompt=1)
    list(evaluate.run(other, Store(tmp_path)))
    assert len(scores(Store(tmp_path), "base@3")) == 2
    write_experts(config, Store(tmp_path))
    with pytest.raises(EngineError, match="takes no experts"):
        list(evaluate.run(replace(other, models=ARMS), Store(tmp_path)))


def test_an_expert_and_a_merge_of_one_name_are_told_apart(config, run_folder):
    shutil.copytree(run_folder.expert("styles"), run_folder.merge("styles"))
    with pytest.raises(EngineError, match="'styles' is both an expert and a merge"):
        list(evaluate.run(config, run_folder))
