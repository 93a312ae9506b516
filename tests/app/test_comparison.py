"""Pictures side by side on the merge tab, on a real pipeline with small random weights."""
import pytest

from app.tabs.merge import comparison
from engine.core.errors import EngineError
from engine.runs import side_by_side
from tests.app.example_run import SKILLS

ONES = dict.fromkeys(SKILLS, 1.0)


@pytest.fixture
def shown(preview, run, studio, monkeypatch):
    """What the tab shows of a prompt, as it is painted with these weights."""
    monkeypatch.setenv("SELMA_EXAMPLE", str(run.folder))
    monkeypatch.setattr(comparison, "PREVIEW", preview)
    monkeypatch.setattr(side_by_side, "STEPS", 2)

    def paint(prompt, weights=ONES, each=False):
        sliders = {f"weight-{number}": weight for number, weight in enumerate(weights.values())}
        given = {"run": "example", "experts": list(weights), "merge-prompt": prompt, "merge-noise": 3,
                 "merge-guidance": 3.5, "each-expert": each, "merge-method": "average", **sliders}
        return studio.press("merge-prompt", given, "submit")

    return paint


def test_the_judge_reads_under_each_picture(shown):
    found = shown("two red balls and a blue star")
    assert found["merge-pair"].count("<img") == 2
    assert found["merge-pair"].count("Are there exactly two balls?") == 2
    assert not found["merge-note"]["visible"] and not found["suggestion"]["visible"]


def test_an_unreadable_prompt_gets_its_known_words_and_the_nearest_sentence(shown):
    found = shown("a red dog on a skateboard")
    note, suggestion = found["merge-note"], found["suggestion"]
    assert "<mark>red</mark>" in note["value"] and "dog" in note["value"] and note["visible"]
    assert suggestion["value"] == "a red ball" and suggestion["visible"]
    assert found["merge-pair"].count("Unscored") == 2
    again = shown(suggestion["value"])
    assert "Unscored" not in again["merge-pair"] and not again["merge-note"]["visible"]


def test_weights_that_make_no_mean_are_told_where_the_pictures_would_be(shown):
    pair = shown("a ball", dict.fromkeys(SKILLS, 0.0))["merge-pair"]
    assert 'role="alert"' in pair and "weighted" in pair


def test_no_experts_and_no_prompt(shown):
    assert "No experts to merge yet" in shown("a ball", {})["merge-pair"]
    assert "No prompt" in shown("   ")["merge-pair"]


def test_several_prompts_and_every_expert_alone(shown):
    rows = shown("two red balls\na blue star\n\na blue star", each=True)["merge-pair"]
    assert rows.count('class="pair"') == 2 and rows.count("<img") == 2 * (2 + len(SKILLS))
    assert rows.count("<h2") == 2 and "Are there exactly two balls?" not in rows and rows.count("%</small>") == 10


def test_too_many_prompts_are_refused(shown):
    with pytest.raises(EngineError, match="9 prompts"):
        shown("\n".join(f"{number} red balls" for number in range(9)))
    with pytest.raises(EngineError, match="100,000 characters"):
        shown("a" * 100_000)


def test_a_cold_model_asks_for_patience_first(run, studio, monkeypatch):
    class Cold:
        def is_warm(self, store):
            return False

        def paint(self, store, cells):
            raise MemoryError("no room")

    monkeypatch.setenv("SELMA_EXAMPLE", str(run.folder))
    monkeypatch.setattr(comparison, "PREVIEW", Cold())
    listener, = studio.listeners("merge-prompt", "submit")
    values = {block: getattr(block, "value", None) for block in listener.inputs}
    given = {"run": "example", "experts": ["styles"], "merge-prompt": "a ball"}
    values |= {studio.blocks[name]: value for name, value in given.items()}
    pair = studio.blocks["merge-pair"]
    first, last = [answer[pair] for answer in listener.fn(values)]
    assert comparison.WARMING_UP in first and "MemoryError: no room" in last


def test_the_suggestion_takes_the_place_of_what_cannot_be_read(studio):
    def corrected(prompts):
        given = {"run": "example", "merge-prompt": prompts, "suggestion": "a red ball"}
        return studio.press("suggestion", given)["merge-prompt"]

    assert corrected("two fish\na red dog\na cat") == "two fish\na red ball\na cat"
    assert corrected("two fish") == "two fish"


def test_other_noise_is_a_seed(studio):
    assert 0 <= studio.press("other-noise", {})["merge-noise"] <= 9999
