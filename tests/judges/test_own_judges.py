"""A judge of one's own: what is wrong in its file is told at once, with the file to mend."""
from dataclasses import dataclass

import pytest
from PIL import Image

from engine import judges
from engine.core.errors import EngineError
from engine.core.plugins import PluginChoice
from engine.core.types import Prompt, Score
from tests.plugin_files import install

HEAD = '''"""A judge. [Toy](https://example.org/toy)"""
from dataclasses import dataclass
import numpy as np
import torch
from engine.core.evidence import Evidence
from engine.core.types import Score
SCALE = (0, 1)
'''
CONFIG = '''
@dataclass(frozen=True)
class Config:
    pass
'''
JUDGE = '''
def judge(config):
    return lambda prompts, pictures, seeds: [
        {} for p, seed in zip(prompts, seeds)]
'''
BALL = Prompt("ball", "s", "a red ball")
PICTURE = Image.new("RGB", (8, 8))
SEED = 3


@dataclass(frozen=True)
class Own:
    """Writes the judge `reddish` as a file, and opens it."""

    tmp_path: object
    monkeypatch: object

    def open(self, source):
        install(judges, "reddish", HEAD + source, self.tmp_path, self.monkeypatch)
        return PluginChoice(judges, "reddish").open()

    def scores(self, expression):
        return self.open(CONFIG + JUDGE.format(expression))([BALL], [PICTURE], [SEED])


@pytest.fixture
def own(tmp_path, monkeypatch):
    return Own(tmp_path, monkeypatch)


@pytest.mark.parametrize(("score", "wrong"), [
    ("Score(p.id, seed, 'reddish', 2.95)", "2.95 for 'a red ball'; its SCALE is 0"),
    ("Score(p.id, seed, 'reddish', float('nan'))", "gave nan "),
    ("Score(p.id, seed, 'reddish', 'high')", "gave 'high' "),
    ("Score(p.id, seed, 'reddish', np.zeros(3))", "array"),
    ("Score(p.id, seed, 'reddish', None)", "no value and no reason"),
    ("Score(p.id, seed, 'storybook', 0.5)", "judge 'storybook'"),
    ("Score(p.id, seed + 1, 'reddish', 0.5)", "seed 4"),
    ("Score(p.text, seed, 'reddish', 0.5)", "prompt_id 'a red ball'"),
    ("Score(p.id, seed, 'reddish', 0.5, Evidence(details={'map': np.zeros(3)}))", "no file can hold"),
    ("Score(p.id, seed, 'reddish', 0.5, Evidence(unscored=3))", "unscored"),
    ("{'value': 0.5}", "a dict")])
def test_a_score_that_breaks_the_contract_is_refused_with_the_file_to_mend(own, score, wrong):
    with pytest.raises(EngineError) as caught:
        own.scores(score)
    text = str(caught.value)
    assert text.startswith("The judge reddish gave ") and wrong in text and text.endswith("reddish.py.")


def test_every_picture_needs_a_score(own):
    judge = own.open(CONFIG + "def judge(config):\n    return lambda *batch: []\n")
    with pytest.raises(EngineError, match="0 scores for 1 pictures"):
        judge([BALL], [PICTURE], [SEED])


@pytest.mark.parametrize("number", ["np.float32(0.5)", "np.float64(0.5)", "torch.tensor(0.5)", "np.array(0.5)"])
def test_numbers_of_any_library_become_plain(own, number):
    score, = own.scores(f"Score(p.id, np.int64(seed), 'reddish', {number})")
    assert score == Score("ball", SEED, "reddish", 0.5)
    assert type(score.value) is float and type(score.seed) is int


def test_a_text_that_it_cannot_read_stays_unscored(own):
    score, = own.scores("Score(p.id, seed, 'reddish', None, Evidence(unscored='no ball'))")
    assert score.value is None and score.unscored == "no ball"


def test_an_error_in_the_judge_names_its_file_and_line_and_the_log_has_the_rest(own, capsys):
    source = CONFIG + "def judge(config):\n    def score(*batch):\n        return 1 / 0\n    return score\n"
    judge = own.open(source)
    line = 1 + (HEAD + source).splitlines().index("        return 1 / 0")
    with pytest.raises(EngineError, match=rf"reddish\.py, line {line}\) .*ZeroDivision"):
        judge([BALL], [PICTURE], [SEED])
    assert "return 1 / 0" in capsys.readouterr().err


def test_a_generator_that_fails_is_the_judges_failure(own):
    judge = own.open(CONFIG + "def judge(config):\n    return lambda *batch: (1 / 0 for one in batch)\n")
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        judge([BALL], [PICTURE], [SEED])


@pytest.mark.parametrize(("source", "wrong"), [
    (CONFIG, "`judge`"),
    (JUDGE, "no Config"),
    ("class Config:\n    pass\ndef judge(config):\n    return max\n", "no Config, a dataclass"),
    (CONFIG + "def judge(config):\n    return unknown\n", "line 13.* NameError")])
def test_a_file_that_is_no_judge_is_told_as_that_files_error(own, source, wrong):
    with pytest.raises(EngineError, match=rf"reddish.* {wrong}"):
        own.open(source)


@pytest.mark.parametrize(("source", "wrong"), [("import nothing_there", "ModuleNotFoundError"), ("def", "SyntaxError")])
def test_a_file_that_cannot_be_imported_is_told_with_its_line(own, source, wrong):
    line = 1 + len(HEAD.splitlines())
    with pytest.raises(EngineError, match=rf"reddish\.py .*{wrong}, line {line}"):
        own.open(source)


def test_a_full_memory_is_no_error_of_the_file(own):
    source = "def judge(config):\n    def score(*batch):\n        raise MemoryError\n    return score\n"
    judge = own.open(CONFIG + source)
    with pytest.raises(MemoryError):
        judge([BALL], [PICTURE], [SEED])
