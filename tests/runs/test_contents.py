"""What a run holds, whole or half done."""
import os
import shutil

from engine.core.store import Store, write_json, write_records, write_text
from engine.core.types import Prompt
from engine.models.lora.cards import FILE_NAME
from engine.runs import contents, trainings


def test_the_example_is_whole(example):
    found = contents.summary(example)
    assert found == contents.Contents(12, 12, ("counting", "places", "styles"), ("merged",),
                                      ("base@3.5", "counting@3.5", "merged@2"))
    assert [len(prompts) for prompts in contents.prompts(example).values()] == [4, 4, 4]
    assert {line.reason for line in contents.rejected_prompts(example, "styles")} >= {"too similar"}
    assert contents.base_model(example) == "storybook" and contents.world(example).TITLE == "Storybook"


def test_an_empty_run_holds_nothing(tmp_path):
    run = Store(tmp_path / "none")
    assert contents.summary(run) == contents.Contents(0, 0, (), (), ())
    assert contents.prompts(run) == contents.pictures(run) == trainings.progress(run) == {}


def test_what_is_being_written_is_not_there_yet(tmp_path):
    run = Store(tmp_path)
    write_records(run.prompts("counting"), [Prompt("a", "counting", "two balls")])
    write_text(tmp_path / "prompts" / ".writing-abc.jsonl", '{"skill": "counting", "reason": "half a line')
    write_text(tmp_path / "images" / "counting" / ".writing-abc.png", "")
    assert list(contents.prompts(run)) == ["counting"] and contents.summary(run).pictures == 0


def test_one_s_own_prompts_are_shown_as_every_stage_reads_them(tmp_path):
    store = Store(tmp_path)
    store.prompts("dogs").parent.mkdir()
    store.prompts("dogs").write_text('{"prompt": "two old dogs"}\n\n', encoding="utf-16")
    (found,) = contents.prompts(store)["dogs"]
    assert (found.text, found.skill) == ("two old dogs", "dogs") and found.id
    store.images("dogs").mkdir(parents=True)
    (store.images("dogs") / "00000.png").touch()
    assert [picture.text for picture in contents.pictures(store)["dogs"]] == ["two old dogs"]


def test_a_copy_of_the_experts_is_the_same_and_another_training_is_not(run, tmp_path):
    names = contents.summary(run).experts
    copy = Store(shutil.copytree(run.folder, tmp_path / "copy"))
    assert contents.identity(copy, names) == contents.identity(run, names) != contents.identity(run, names[:1])
    os.utime(copy.expert(names[0]) / FILE_NAME, (1, 1))
    assert contents.identity(copy, names) != contents.identity(run, names)


def test_pictures_have_their_text_while_they_are_painted(tmp_path):
    """The stage writes metadata.jsonl last; until then the order of the prompts tells."""
    run = Store(tmp_path)
    write_records(run.prompts("counting"), [Prompt("a", "counting", "two balls"), Prompt("b", "counting", "a star")])
    write_json(run.images("counting") / "recipe.json", {"recipe": {"pictures_per_prompt": 2}})
    for number in (0, 1, 2):
        write_text(run.images("counting") / f"{number:05d}.png", "")
    assert [p.text for p in contents.pictures(run)["counting"]] == ["two balls", "two balls", "a star"]


def test_an_expert_shows_as_soon_as_it_learns(example):
    expert = trainings.progress(example)["counting"]
    assert expert.curve[0].train_loss is None and expert.curve[1].train_loss > 0
    assert [point.step for point in expert.curve if point.held_out_loss] == [0, 50, 100, 150, 200, 250, 300]
    assert list(expert.samples) == [0, 100, 200, 300] and len(expert.captions) == 2
    assert {len(pictures) for pictures in expert.samples.values()} == {2}


def test_more_than_nine_samples_stay_in_the_order_of_their_captions(tmp_path):
    write_text(Store(tmp_path).expert("a") / "losses.jsonl", "")
    for number in range(11):
        write_text(Store(tmp_path).expert("a") / "samples" / f"step-000100-{number}.png", "")
    files = trainings.progress(Store(tmp_path))["a"].samples[100]
    assert [path.stem for path in files][-2:] == ["step-000100-9", "step-000100-10"]


def test_the_base_is_what_the_recipe_says_until_experts_are_there(tmp_path):
    run = Store(tmp_path)
    assert contents.base_model(run) == "storybook"
    write_text(tmp_path / "recipe.toml", 'model = "owner/big"')
    assert contents.base_model(run) == "owner/big" and contents.world(run).TITLE == "Photographs"
    write_json(run.expert("a") / "recipe.json", {"base": {"model": "owner/other"}})
    assert contents.base_model(run) == "owner/other"


def test_an_expert_that_was_stopped_says_so(tmp_path):
    run = Store(tmp_path)
    for name, made in {"whole": {"step": 30, "steps": 30}, "half": {"step": 10, "steps": 30}, "adopted": {},
                       "early": {"step": 10, "steps": 30, "stopped_early": True}}.items():
        write_json(run.expert(name) / "recipe.json", made)
    assert "step 10 of 30" in trainings.unfinished(run, "half")
    assert [trainings.unfinished(run, name) for name in ("whole", "adopted", "early")] == [None] * 3
