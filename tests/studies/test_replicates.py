"""The experiments in miniature: real classes, small random weights, two replicates of four lines."""
import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from engine.core.errors import EngineError
from engine.core.stopping import guarded
from engine.core.store import Store, write_records
from engine.core.types import Prompt
from engine.studies import replicates
from engine.studies.replicates import expansion, measurements
from engine.worlds import storybook
from tests.line.miniature import RECIPE, TEXTS
from tests.tiny_models import tiny_stable_diffusion

ROOT = Path(__file__).parents[2]
RESULTS = """
recipe = "mini.toml"
replicates = 2

[all.test]
skills = ["counting", "styles", "twins"]
pictures_per_prompt = 1

[all.validation]
pictures_per_prompt = 2

[lines.base]
without = ["prompts", "images", "experts", "merge"]
once = true
evaluate.models = { base = {}, base-at-3 = {} }
validation.own_guidance = { base-at-3 = 3.0 }
test.own_guidance = { base-at-3 = 3.0 }

[lines.selma]
without = ["merge"]
evaluate.ceiling = false
evaluate.models = { merged = { counting = 0.5, styles = 0.5 }, counting = { counting = 1.0 } }

[lines.guided]
without = ["merge"]
share_prompts = "selma"
images.guidance = 5.0
evaluate.models = { guided = { counting = 0.5, styles = 0.5 } }

[lines.control]
without = ["prompts", "images", "merge"]
noisy_scenes = 5
experts.experts = { control = ["noisy"] }
evaluate.models = { control = { control = 1.0 } }

[claims]
"It helps" = ["merged", "base"]
"It beats the best of two" = ["merged", ["counting", "control"]]
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "mini.toml").write_text(RECIPE.replace("MODEL", str(tiny_stable_diffusion(folder / "model"))))
    (folder / "results.toml").write_text(RESULTS)
    return folder / "results.toml"


@pytest.fixture(scope="module")
def finished(recipe, tmp_path_factory):
    """Both replicates, with the events they told; the prompts were written beforehand."""
    out = tmp_path_factory.mktemp("out")
    for replicate in range(2):
        for skill, texts in TEXTS.items():
            prompts = [Prompt(f"{skill}-{i}", skill, f"{text}"[replicate:]) for i, text in enumerate(texts)]
            write_records(Store(out / f"{replicate}-selma").prompts(skill), prompts)
    return out, list(guarded(replicates.run(recipe, out)))


def found(out):
    return json.loads((out / "results.json").read_text())


def table_of(text):
    """Arm -> column -> what stands there, of the first table."""
    head, _, *rows = [line.strip("| ").split(" | ") for line in text.partition("\n- ")[0].splitlines()]
    return {row[0]: dict(zip(head, row, strict=False)) for row in rows}


def test_every_arm_gets_a_row_and_every_claim_a_verdict(finished):
    out, events = finished
    assert events[-1].kind == "done", events[-1].text
    told = found(out)
    assert told["replicates"] == 2 and set(told["arms"]) == {
        "base", "base-at-3", "merged", "counting", "guided", "control"}
    assert set(told["claims"]) == {"It helps", "It beats the best of two"}
    assert set(told["ceiling"]) == {"counting", "styles", "twins"}
    for name, row in told["arms"].items():
        assert set(row["by_skill"]) == {"counting", "styles", "twins"}
        assert len(row["guidance"]) == len(row["by_replicate"]) == 2 and row["diversity"] is not None
        assert row["verdict"] in ("better", "worse", "undecided", "no difference within the margin") or name == "base"
        assert 0 <= row["selma"] <= 1
        assert row["dsg"] == pytest.approx(sum(row["by_skill"][s] for s in ("counting", "styles")) / 2)
    rows = table_of((out / "results.md").read_text())
    assert set(rows) == {*told["arms"], "ceiling"}
    for name, row in told["arms"].items():
        for column, value in (("exact", "exact"), ("floor", "floor"), ("diversity", "diversity"), ("DSG", "dsg")):
            assert rows[name][column] == f"{row[value]:.3f}"


def test_every_scale_of_an_arm_is_told_of_on_validation(finished):
    out, _ = finished
    at = found(out)["arms"]["merged"]["validation"]
    assert set(at) == {"1", "3"} and all(len(of_scale["against_base"]) == 3 for of_scale in at.values())
    assert set(found(out)["arms"]["base-at-3"]["validation"]) == {"3"}
    told = (out / "results.md").read_text().partition("| validation: arm | DSG at 1 | DSG at 3 |")[2]
    assert "merged" in told and "base-at-3" not in told, "an arm of one scale has no place in a table of scales"


def test_what_is_not_drawn_is_run_once(finished):
    out, _ = finished
    assert (out / "0-base" / "scores" / "base-at-3@3").is_dir() and not (out / "1-base").exists()
    assert not list(out.glob("*/scores/base-at-3@1"))
    assert {path.name for path in out.glob("1-*")} == {"1-selma", "1-guided", "1-control"}


def test_replicates_differ_and_lines_share_their_prompts(finished):
    out, _ = finished
    pictures = {run: (out / run / "images/counting/00000.png").read_bytes()
                for run in ("0-selma", "1-selma", "0-guided")}
    assert len(set(pictures.values())) == 3
    for replicate in "01":
        ours, theirs = (out / f"{replicate}-{line}/prompts/styles.jsonl" for line in ("guided", "selma"))
        assert ours.read_text() == theirs.read_text()


def test_a_second_call_only_reads(recipe, finished):
    out, _ = finished
    before = {path: path.stat().st_mtime_ns for path in out.glob("*-*/**/*") if path.is_file()}
    assert list(guarded(replicates.run(recipe, out)))[-1].kind == "done"
    assert {path: path.stat().st_mtime_ns for path in out.glob("*-*/**/*") if path.is_file()} == before


def test_what_was_measured_elsewhere_is_not_run_again(recipe, finished, tmp_path):
    out, _ = finished
    shutil.copytree(out / "measured", tmp_path / "measured")
    assert list(guarded(replicates.run(recipe, tmp_path)))[-1].kind == "done"
    assert (tmp_path / "results.json").read_text() == (out / "results.json").read_text()
    assert not list(tmp_path.glob("0-*"))
    (tmp_path / "measured" / "1-guided.json.gz").unlink()
    with pytest.raises(EngineError, match="Delete measured/1-selma.json.gz .*run"):
        list(replicates.run(recipe, tmp_path))
    for content in (b"no gzip at all", gzip.compress(b"{}"), gzip.compress(b"[]")[:-4]):
        (tmp_path / "measured" / "0-base.json.gz").write_bytes(content)
        with pytest.raises(EngineError, match="does not hold .*Delete it to run"):
            list(replicates.run(recipe, tmp_path))


def test_what_travels_with_the_source_is_not_run_again_nor_in_the_way(recipe, finished, tmp_path):
    out, _ = finished
    shutil.copytree(recipe.parent, tmp_path / "source")
    shutil.copytree(out / "measured", tmp_path / "source" / "measured")
    one = expansion.plan(replicates.load(recipe), tmp_path / "out")[0]
    assert measurements.read(one, tmp_path / "source" / "measured") == measurements.read(one, out / "measured")
    other = replace(one, variant=replace(one.variant, noisy_scenes=9))
    assert measurements.read(other, tmp_path / "source" / "measured") is None
    list(guarded(replicates.run(tmp_path / "source" / recipe.name, tmp_path / "out")))
    assert not list((tmp_path / "out").glob("0-*")) and not (tmp_path / "out" / "measured").exists()


def test_another_recipe_is_measured_anew(recipe, finished, tmp_path):
    out, _ = finished
    one = expansion.plan(replicates.load(recipe), out)[0]
    assert measurements.read(one, tmp_path / "nowhere") == measurements.measure(one)
    others = [replace(one, recipe=replace(one.recipe, validation=replace(one.recipe.validation, steps=3))),
              replace(one, variant=replace(one.variant, noisy_scenes=9)),
              replace(one, variant=replace(one.variant, once=True))]
    assert [measurements.read(other, tmp_path / "nowhere") is None for other in others] == [True, True, False]


@pytest.mark.parametrize("option", [
    "images best_of", "experts flip", "test floor", "writer top_p", "images steps"])
def test_an_option_that_is_new_voids_nothing(recipe, finished, tmp_path, option):
    """A file of before says nothing of it, which is its default; the recipe's two steps are none."""
    one, (stage, name) = expansion.plan(replicates.load(recipe), finished[0])[1], option.split()
    told = json.loads(gzip.decompress(measurements.file_of(one).read_bytes()))
    del told["asked"][stage][name]
    (tmp_path / measurements.file_of(one).name).write_bytes(gzip.compress(json.dumps(told).encode()))
    elsewhere = replace(one, folder=tmp_path / "out" / one.folder.name)
    assert (measurements.read(elsewhere, tmp_path) is None) == (name == "steps")


def test_the_control_learns_from_drawn_scenes(finished):
    out, _ = finished
    kept = [json.loads(line)["text"] for line in (out / "0-control/prompts/noisy.jsonl").read_text().splitlines()]
    drawn, others = ([storybook.pretraining_pair(seed, i)[1] for i in range(5)] for seed in (0, 1))
    assert kept == drawn != others
    for i, file in enumerate(sorted((out / "0-control/images/noisy").glob("*.png"))):
        assert list(Image.open(file).getdata()) == list(storybook.pretraining_pair(0, i)[0].getdata())


@pytest.mark.parametrize(("old", "new", "remedy"), [
    ('["merged", "base"]', '["merged", "nobody"]', "Choose from base"),
    ('guided = { counting', 'merged = { counting', "both have an arm 'merged'"),
    ('share_prompts = "selma"', 'share_prompts = "control"', "no line before it"),
    ('once = true', 'twice = true', "no option called 'twice'"),
    ('recipe = "mini.toml"', "", "has no 'recipe'"),
    ('models = { base = {}, base-at-3', 'models = { plain = {}, base-at-3', "'base', which no line has"),
    ('replicates = 2', 'repetitions = 2', "no option 'repetitions'"),
    ('replicates = 2', 'replicates = 0', "Give a whole number"),
    ('"experts", "merge"]\nonce', '"experts", "merge", "test"]\nonce', "must both have"),
    ('["merged", "base"]', '"merged"', "Give an arm and its rival"),
    ('["merged", "base"]', '["merged", []]', "Give an arm and its rival"),
    ('s", "images", "merge"]', 's", "images", "merge", "evaluate", "validation", "test"]', "needs .evaluate"),
])
def test_a_recipe_that_makes_no_sense_is_refused_before_anything_runs(recipe, tmp_path, old, new, remedy):
    (tmp_path / "mini.toml").write_text((recipe.parent / "mini.toml").read_text())
    (tmp_path / "results.toml").write_text(RESULTS.replace(old, new, 1))
    with pytest.raises(EngineError, match=remedy):
        list(replicates.run(tmp_path / "results.toml", tmp_path / "out"))
    assert not list(tmp_path.glob("out/*-*"))


@pytest.mark.parametrize("path", sorted((ROOT / "assets" / "results").glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_that_ship_make_sense(path, tmp_path):
    planned = expansion.plan(replicates.load(path), tmp_path)
    assert planned and bool(planned[0].recipe.test) == (path.stem == "storybook"), "settings: on validation"


def test_the_shipped_results_are_what_the_shipped_measurements_say(tmp_path, monkeypatch):
    monkeypatch.setattr(replicates, "_run", lambda *given: pytest.fail("it was measured"))
    list(replicates.run(ROOT / "assets" / "results" / "storybook.toml", tmp_path))
    remade, shipped = tmp_path / "results.json", ROOT / "assets" / "results" / "storybook.json"
    assert remade.read_bytes() == shipped.read_bytes()


def test_without_a_test_the_table_is_about_validation(recipe, tmp_path):
    text = RESULTS.replace("replicates = 2", "replicates = 1").partition("[lines.selma]")[0]
    text = text.replace('"merge"]', '"merge", "test"]') + '[claims]\n"Guidance helps" = ["base-at-3", "base"]\n'
    (tmp_path / "mini.toml").write_text((recipe.parent / "mini.toml").read_text())
    (tmp_path / "results.toml").write_text(text)
    assert list(guarded(replicates.run(tmp_path / "results.toml", tmp_path / "out")))[-1].kind == "done"
    told = found(tmp_path / "out")
    assert told["split"] == "validation" and set(told["arms"]) == {"base", "base-at-3"}
    assert not list(tmp_path.glob("out/0-base/scores/*/test"))
