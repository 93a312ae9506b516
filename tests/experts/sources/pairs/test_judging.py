"""Pairs come of a judge's scores, once; what people bring is left alone; what is missing is told with its remedy."""
import json
from dataclasses import replace

import pytest
from PIL import Image

from engine import judges
from engine.core.errors import EngineError
from engine.core.store import read_records, write_records
from engine.experts.sources import pairs
from engine.experts.sources.pairs import judging
from engine.experts.sources.pairs.records import Grade, Pair, folder
from engine.storybook import evaluation
from tests import plugin_files
from tests.experts.worlds import draw_scenes, paint_pictures

BY_STORYBOOK = pairs.Config(judge="storybook")
REDNESS = '''"""How red a picture is, for tests; a text about the night it cannot read."""
from dataclasses import dataclass
from engine.core.evidence import Evidence
from engine.core.types import Score

SCALE = None
SEEN = []


@dataclass(frozen=True)
class Config:
    factor: float = 1.0


def judge(config):
    def score(prompt, picture, seed):
        SEEN.append(seed)
        if "night" in prompt.text:
            return Score(prompt.id, seed, "redness", None, Evidence(unscored="too dark"))
        return Score(prompt.id, seed, "redness", config.factor * picture.getpixel((0, 0))[0])
    return lambda *batch: list(map(score, *batch))
'''


@pytest.fixture
def drawn(store, base):
    """Two pictures of each of four prompts: a true one and an empty page."""
    draw_scenes(store, "places", base)
    return store


@pytest.fixture
def redness(tmp_path, monkeypatch):
    return plugin_files.install(judges, "redness", REDNESS, tmp_path, monkeypatch)


def prepare(store, options=BY_STORYBOOK, skill="places", replace=False):
    return [event.text for event in pairs.prepare(options, store, [skill], replace)]


def found(store, skill="places"):
    return read_records(folder(store, skill).pairs, Pair)


def test_the_true_picture_is_better_than_the_empty_page(drawn):
    said = prepare(drawn)
    assert said == ["Judged 8 of 8 pictures of places.", "Made 4 pairs of places."]
    assert [(pair.better, pair.worse) for pair in found(drawn)] == [(f"{i}.png", f"{i + 4}.png") for i in range(4)]
    for pair in found(drawn):
        assert pair.judge == "storybook" and pair.skill == "places" and 0 < pair.margin <= 1
    recipe = json.loads(folder(drawn, "places").recipe.read_text())["recipe"]
    assert recipe["judge"] == "storybook" and recipe["images"]


def test_all_pairs_of_a_prompt_count_that_differ_by_more_than_the_margin(store, redness):
    """Pictures i are (i, 0, 0), captions i % 4; the caption of 3 and 7 is about the night."""
    assert prepare(store, pairs.Config(judge="redness"), "counting")[-1] == "Made 3 pairs of counting."
    assert {(pair.better, pair.worse): pair.margin for pair in found(store, "counting")} == {
        ("4.png", "0.png"): 4.0, ("5.png", "1.png"): 4.0, ("6.png", "2.png"): 4.0}
    with pytest.raises(EngineError, match="no two pictures .*more than 4"):
        prepare(store, pairs.Config(judge="redness", least_margin=4.0), "counting", replace=True)


def test_a_judging_that_was_interrupted_goes_on(store, redness, monkeypatch):
    monkeypatch.setattr(judging, "AT_ONCE", 3)
    going = pairs.prepare(pairs.Config(judge="redness"), store, ["counting"], False)
    next(going)
    going.close()
    assert len(redness.SEEN) == 3 and not folder(store, "counting").pairs.exists()
    prepare(store, pairs.Config(judge="redness"), "counting")
    assert sorted(redness.SEEN) == list(range(8)), "each picture is judged once"
    assert len(read_records(folder(store, "counting").grades, Grade)) == 8


@pytest.mark.parametrize("change", [
    {"judge_options": {"factor": 2.0}}, {"least_margin": 0.5}, {"judge": "storybook"}])
def test_other_options_never_overwrite_pairs_unasked(store, redness, change):
    before = pairs.Config(judge="redness")
    prepare(store, before, "counting")
    kept = found(store, "counting")
    after = replace(before, **change)
    with pytest.raises(EngineError, match="set replace"):
        prepare(store, after, "counting")
    assert found(store, "counting") == kept
    assert prepare(store, pairs.Config(), "counting") == [], "no judge: the pairs that are there"


def test_other_pictures_are_judged_anew_when_that_is_asked_for(store, redness):
    options = pairs.Config(judge="redness")
    prepare(store, options, "counting")
    Image.new("RGB", (64, 64), (200, 0, 0)).save(store.images("counting") / "0.png")
    with pytest.raises(EngineError, match="images"):
        prepare(store, options, "counting")
    prepare(store, options, "counting", replace=True)
    assert ("0.png", "4.png", 196.0) in [(one.better, one.worse, one.margin) for one in found(store, "counting")]


def test_pairs_that_people_bring_are_left_alone(store, redness):
    own = [Pair("counting-1", "counting", "1.png", "5.png", "me", 1.0)]
    write_records(folder(store, "counting").pairs, own)
    assert prepare(store, pairs.Config(judge="redness"), "counting", replace=True) == []
    assert found(store, "counting") == own and redness.SEEN == []


def test_where_there_are_neither_pairs_nor_a_judge_both_remedies_are_told(store):
    with pytest.raises(EngineError, match=r"judge .*storybook.*pairs.jsonl.*skill"):
        prepare(store, pairs.Config(), "counting")


def test_one_picture_per_prompt_makes_no_pairs(store, base):
    texts = [prompt.text for prompt in evaluation.load("validation", "places")[:4]]
    paint_pictures(store, "places", base, 4, captions=texts)
    with pytest.raises(EngineError, match="pictures_per_prompt"):
        prepare(store)


def test_captions_that_the_judge_cannot_read_are_told(store, redness, base):
    paint_pictures(store, "night", base, 4, captions=["red balls at night"])
    with pytest.raises(EngineError, match="can read no caption of night"):
        prepare(store, pairs.Config(judge="redness"), "night")


@pytest.mark.parametrize(("options", "words"), [
    ({"judge": "nobody"}, "no judge called 'nobody'"),
    ({"judge": "storybook", "judge_options": {"strict": 1}}, "no option called 'strict'"),
    ({"judge_options": {"strict": 1}}, "no judge. Name it")])
def test_a_judge_that_there_is_not_is_refused_before_anything_is_opened(options, words):
    with pytest.raises(EngineError, match=words):
        pairs.check(pairs.Config(**options))
