"""Nothing is painted for a judge that can read none of the prompts."""
import pytest

from engine import judges
from engine.core import plugins
from engine.core.errors import EngineError
from engine.core.store import Store, write_records
from engine.core.types import Prompt
from engine.evaluate import Config, check, prompt_sets, run

PHOTOGRAPHS = [Prompt(f"p{n}", "photos", f"a photo of {n} dogs on a skateboard") for n in range(2, 6)]
SCENE = Prompt("s", "photos", "two red balls")
ARE_REFUSED = "none of the 4 .*2 dogs.*.photo. is not"


def asked(tmp_path, prompts, **options):
    write_records(tmp_path / "own.jsonl", prompts)
    return Config(prompts=str(tmp_path / "own.jsonl"), guidances=(2.0,), **options)


def test_an_evaluation_that_no_judge_can_read_is_refused_before_a_model_is_looked_for(tmp_path):
    config = asked(tmp_path, PHOTOGRAPHS, model=str(tmp_path / "no model is here"))
    with pytest.raises(EngineError, match=ARE_REFUSED):
        next(run(config, Store(tmp_path / "run")))
    assert not (tmp_path / "run").exists()


def test_one_prompt_that_it_reads_is_enough(tmp_path):
    (prompts,) = check(asked(tmp_path, [*PHOTOGRAPHS, SCENE])).values()
    assert len(prompts) == 5


def test_only_the_prompts_that_are_to_be_judged_count(tmp_path):
    with pytest.raises(EngineError, match=ARE_REFUSED):
        check(asked(tmp_path, [*PHOTOGRAPHS, SCENE], prompts_per_skill=4))


def test_a_judge_that_does_not_say_reads_everything(monkeypatch):
    monkeypatch.delattr(plugins.load(judges, "storybook"), judges.WHY_UNREADABLE)
    prompt_sets.check_readable("storybook", PHOTOGRAPHS)


def test_the_judge_leaves_unscored_what_it_says_it_cannot_read():
    plugin = plugins.load(judges, "storybook")
    from PIL import Image
    blank = Image.new("RGB", (64, 64))
    for prompt in (*PHOTOGRAPHS, SCENE):
        score = plugin.judge(plugin.Config())([prompt], [blank], [1])[0]
        assert (score.value is None) == (plugin.why_unreadable(prompt) is not None)
        assert (score.unscored or None) == plugin.why_unreadable(prompt)
