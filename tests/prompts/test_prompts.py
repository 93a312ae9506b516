"""Stage 1 from request to file: what is kept, what is refused and why, and that stopping changes nothing."""
import json
import random
from dataclasses import replace

import pytest

from engine import prompts
from engine.core.errors import EngineError
from engine.core.store import read_json, read_records, write_records
from engine.core.types import Prompt, RejectedPrompt
from engine.prompts import Config, rounds, skills
from engine.prompts.collection import Collection, recipe_path
from engine.prompts.novelty import Novelty
from engine.storybook import evaluation
from engine.storybook.language import parse
from engine.storybook.rules import breaks

CONFIG = Config(("counting",), "grammar", count=30, lines_per_request=10)


def written(store, skill="counting"):
    return read_records(store.prompts(skill), Prompt)


def refused(store, skill="counting"):
    return read_records(store.rejections(skill), RejectedPrompt)


def files(store):
    return {path.name: path.read_bytes() for path in (store.folder / "prompts").iterdir()}


def test_every_prompt_is_new_of_its_skill_and_no_evaluation_prompt(grammar, store):
    events = list(prompts.run(CONFIG, store))
    kept, rules, novelty = written(store), evaluation.rules_of("counting"), Novelty()
    assert len(kept) == 30 and len({p.id for p in kept}) == 30 and {p.writer for p in kept} == {"grammar"}
    for text in skills.load("counting").examples:
        novelty.accept(text)
    for prompt in kept:
        graph, verdict = parse(prompt.text), novelty.verdict(prompt.text)
        assert breaks(graph, rules) is None and graph.key() not in evaluation.frozen_keys()
        assert verdict.new and prompt.novelty == pytest.approx(1 - verdict.rouge_l, abs=1e-6)
        novelty.accept(prompt.text)
    assert events[-1].kind == "done" and events[-1].done == events[-1].total == 30


def test_every_refused_line_keeps_its_reason(grammar, store):
    list(prompts.run(CONFIG, store))
    lines = refused(store)
    spoilt = [line for line in lines if "wibble" in line.text]
    similar = [line for line in lines if line.reason == "too similar"]
    assert spoilt and all(line.reason.startswith("unreadable: ") and line.nearest for line in spoilt)
    assert similar and all(line.rouge_l > 0.8 and line.nearest for line in similar)
    whole_rounds = len(grammar.calls) - 1
    assert 10 * whole_rounds < len(lines) + len(written(store)) <= 10 * len(grammar.calls)


def test_events_carry_the_verdicts(grammar, store):
    *rounds, _ = prompts.run(CONFIG, store)
    accepted = [prompt["text"] for event in rounds for prompt in event.data["accepted"]]
    rejected = [line["reason"] for event in rounds for line in event.data["rejected"]]
    assert accepted == [p.text for p in written(store)] and rejected == [line.reason for line in refused(store)]
    counts = rounds[-1].data["counts"]
    assert counts["accepted"] == 30 and sum(counts.values()) == 30 + len(rejected)
    assert [event.data["round"] for event in rounds] == list(range(1, len(rounds) + 1))
    assert json.dumps([event.data for event in rounds])


@pytest.mark.parametrize("dies_in_round", [1, 3])
def test_killed_and_resumed_is_as_uninterrupted(grammar, store, tmp_path, dies_in_round):
    list(prompts.run(CONFIG, store))
    broken = replace(store, folder=tmp_path / "broken")
    grammar.calls.clear()
    with pytest.raises(KeyboardInterrupt):
        list(prompts.run(replace(CONFIG, writer_options={"dies_in_round": dies_in_round}), broken))
    if dies_in_round > 1:
        path = recipe_path(broken, "counting")
        path.write_text(path.read_text().replace(f'"writer\'s dies_in_round": {dies_in_round}',
                                                 '"writer\'s dies_in_round": 0'))
    list(prompts.run(CONFIG, broken))
    assert files(broken) == files(store)


def test_a_write_that_was_cut_between_two_files_is_redone(grammar, store, tmp_path):
    list(prompts.run(CONFIG, store))
    broken = replace(store, folder=tmp_path / "broken")
    events = prompts.run(CONFIG, broken)
    next(events), next(events)
    mark = recipe_path(broken, "counting").read_bytes()
    next(events)
    recipe_path(broken, "counting").write_bytes(mark)
    list(prompts.run(CONFIG, broken))
    assert files(broken) == files(store)


def test_a_finished_skill_is_not_asked_again_and_a_larger_count_goes_on(grammar, store, tmp_path):
    list(prompts.run(replace(CONFIG, count=12), store))
    asked = len(grammar.calls)
    list(prompts.run(replace(CONFIG, count=12), store))
    list(prompts.run(replace(CONFIG, count=5), store))
    assert len(grammar.calls) == asked and len(written(store)) == 12
    list(prompts.run(CONFIG, store))
    at_once = replace(store, folder=tmp_path / "at_once")
    list(prompts.run(CONFIG, at_once))
    assert files(at_once) == files(store)


def test_other_settings_are_named_and_lose_nothing(grammar, store):
    list(prompts.run(CONFIG, store))
    before = files(store)
    other = replace(CONFIG, seed=1)
    with pytest.raises(EngineError, match=r"seed 0 -> 1.*set replace"):
        list(prompts.run(other, store))
    assert files(store) == before
    list(prompts.run(replace(other, replace=True), store))
    assert files(store) != before and read_json(recipe_path(store, "counting"))["recipe"]["seed"] == 1


def test_someones_own_prompts_are_left_alone(grammar, store):
    write_records(store.prompts("counting"), [Prompt("mine-1", "counting", "a dog on a skateboard")])
    *_, last = prompts.run(replace(CONFIG, replace=True), store)
    assert not grammar.calls and [p.id for p in written(store)] == ["mine-1"] and last.kind == "done"


def test_a_writer_that_cannot_reach_the_count_says_how_many_and_why(grammar, store):
    *_, told, last = prompts.run(replace(CONFIG, max_rounds=2), store)
    assert "of 30 prompts after 2 rounds" in told.text and "unreadable (4)" in told.text
    assert last.kind == "done" and last.data["short"]["counting"]["accepted"] == len(written(store))
    list(prompts.run(CONFIG, store))
    assert len(written(store)) == 30


def test_several_skills_share_one_progress_and_free_texts_need_no_language(grammar, store):
    config = replace(CONFIG, skills=("counting", "unusual"), count=8, language="free")
    events = list(prompts.run(config, store))
    assert [e.done for e in events] == sorted(e.done for e in events) and {e.total for e in events} == {16}
    assert any("wibble" in p.text for p in written(store)) and len(written(store, "unusual")) == 8


@pytest.mark.parametrize(("change", "remedy"), [
    ({"skills": ("juggling",)}, "from artworks, captions, counting"), ({"writer": "nobody"}, "Choose one of"),
    ({"writer_options": {"colour": 1}}, "no option called 'colour'")])
def test_unknown_names_end_in_the_remedy(grammar, store, change, remedy):
    with pytest.raises(EngineError, match=remedy):
        list(prompts.run(replace(CONFIG, **change), store))
    assert not (store.folder / "prompts").exists()


def test_examples_come_from_seeds_and_accepted_prompts_at_the_ratio():
    skill = skills.load("counting")
    collection = Collection(skill, "", [Prompt(str(i), "counting", f"prompt {i}") for i in range(50)])
    for share in (0.0, 0.3, 1.0):
        config = replace(CONFIG, seed_share=share)
        drawn = [rounds.examples_of(config, collection, random.Random(i)) for i in range(600)]
        assert all(len(set(examples)) == 3 for examples in drawn)
        seeds = sum(text in skill.examples for examples in drawn for text in examples)
        assert seeds / 1800 == pytest.approx(share, abs=0.05)
    first = rounds.examples_of(replace(CONFIG, seed_share=0.0), Collection(skill, ""), random.Random(0))
    assert set(first) <= set(skill.examples)
