"""Nobody is called the best, and nothing is bold, unless the intervals decide it."""
import shutil
from dataclasses import replace

import pytest

from app.tabs import evaluate
from app.tabs.evaluate import ranking
from app.tabs.merge import panes
from engine import runs
from engine.core.evidence import Evidence
from engine.core.store import Store, read_records, write_json, write_records
from engine.core.types import Score
from engine.evaluate import summary
from engine.evaluate.standings import lead, score_tables, units
from engine.studies.candidates import Candidate

ABOVE, LEVEL = [0.8, 0.9, 1.0, 0.7, 0.9], [0.2, 0.3, 0.4, 0.1, 0.3]
MIXED = [0.9, 0.1, 0.6, 0.3, 0.1]


def prompts(values):
    return {"counting": {str(n): value for n, value in enumerate(values)}}


def judged(values, judge="storybook"):
    about = Evidence(skill="counting", text="a ball", pooled="")
    unread = replace(about, unscored="“dog” is no word")
    return [Score(str(n), 1, judge, value, unread if value is None else about)
            for n, value in enumerate(values)]


@pytest.fixture
def ranked(tmp_path):
    """The Evaluate table of models with these scores."""
    def table(judge="storybook", **models):
        run = Store(tmp_path / "run")
        for model, values in models.items():
            name = "ceiling" if model == "ceiling" else f"{model}@2"
            write_records(run.scores(name, f"test/{judge}"), judged(values, judge))
        shown = score_tables.run_standings(run, f"test/{judge}")
        return ranking.ranking_view(shown, score_tables.unit_of(f"test/{judge}", shown))
    return table


def test_a_lead_that_the_interval_decides_stands_out_and_the_ceiling_never_does(ranked):
    html = ranked(base=LEVEL, merged=ABOVE, ceiling=[1.0] * 5)
    assert '<tr class="best"><th scope="row">merged@2</th>' in html
    assert html.count('class="best"') == 1
    assert "merged@2 is the best here" in html and "cannot be told" not in html


def test_a_lead_that_no_interval_decides_is_not_bold_and_says_of_whom(ranked):
    html = ranked(base=LEVEL, merged=MIXED)
    assert 'class="best"' not in html
    assert "The best cannot be told: merged@2 scores highest" in html
    assert "tell it from base@2." in html


def test_ahead_of_one_and_not_of_another_is_not_the_best(ranked):
    html = ranked(base=LEVEL, one=ABOVE, other=[value - 0.001 * n for n, value in enumerate(ABOVE)])
    assert 'class="best"' not in html and "tell it from other@2." in html


def test_a_difference_within_the_margin_is_none():
    close = [value - 0.005 for value in ABOVE]
    assert lead.find_lead([prompts(ABOVE), prompts(close)], units.SHARE) == lead.Lead(0, (1,))
    others = lead.find_lead([prompts(ABOVE), prompts(close)], units.PLAIN)
    assert others.is_decided, "a margin of shares is no other number's"


def test_what_is_not_scored_is_neither_the_best_nor_in_its_way(ranked):
    html = ranked(base=[None] * 5, merged=LEVEL, other=ABOVE)
    assert '<tr class="best"><th scope="row">other@2</th>' in html and "base@2." not in html
    alone = ranked(base=[None] * 5, merged=[None] * 5, other=LEVEL)
    assert 'class="best"' not in alone and "best" not in alone.partition("</table>")[2]
    assert lead.find_lead([{}, {}], units.SHARE) is None


def test_many_that_cannot_be_told_apart_are_counted():
    said = lead.Lead(0, (1, 2, 3, 4, 5)).sentence(["a", "b", "c", "d", "e", "f"])
    assert said.endswith("tell it from b, c, d and 2 more.")


def test_the_shipped_example_has_no_best(monkeypatch):
    monkeypatch.delenv("SELMA_EXAMPLE")
    for rows in (evaluate.BEST, evaluate.EVERY):
        html = evaluate.view_of(runs.EXAMPLE, "test/storybook", rows).ranking
        assert 'class="best"' not in html and "tell it from base@3.5" in html


def test_other_scores_are_ranked_in_their_own_unit(ranked):
    html = ranked(judge="clipscore", base=[20.3, 21.0, 19.4, 20.8, 20.1],
                  merged=[30.3, 31.0, 29.4, 30.8, 30.1])
    assert ">30.32<" in html and "+10.00" in html and "2030" not in html and 'class="best"' in html


@pytest.mark.parametrize("which", [evaluate.BEST, evaluate.EVERY])
def test_prompts_that_no_judge_could_read_say_so_and_nothing_is_plotted(runs_folder, which):
    run = Store(shutil.copytree(runs.folder("example"), runs_folder / "mine"))
    shutil.rmtree(run.folder / "scores" / "counting@3.5")
    for model in ("base@3.5", "merged@2"):
        known = read_records(run.scores(model, "test/storybook"), Score)
        write_records(run.scores(model, "test/storybook"), [
            Score(s.prompt_id, s.seed, s.judge, None, replace(s.evidence, unscored="“dog” is no word"))
            for s in known])
    shown = evaluate.view_of("mine", "test/storybook", which)
    told = shown.ranking
    assert 'class="empty"' in told and "“dog” is no word" in told and "choose another judge" in told
    assert shown.figure is None and 'class="best"' not in told and "unscored" in shown.pictures


@pytest.fixture
def search_shown(studio):
    """The Search pane's result of a run."""
    return lambda run: studio.draw("merge", run, {"pane-in-sight": panes.SEARCH})["search-result"]


@pytest.fixture
def search(runs_folder, search_shown):
    """What the Search pane shows of a winner and an average with these scores."""
    def shown(won, average):
        run = Store(runs_folder / "mine")
        arms = {"_search-1-average": average, "_search-1-0-0": won}
        for arm, values in arms.items():
            write_records(run.scores(f"{arm}@3.5", "validation/storybook"), judged(values))
        write_records(run.folder / "searches" / "search-1" / "tried.jsonl", [
            Candidate(arm, {"a": 0.5, "b": 0.5}, summary.macro(prompts(values)))
            for arm, values in arms.items()])
        return search_shown("mine")
    return shown


def test_a_search_whose_winner_is_undecided_has_no_bold_row(search):
    told = search(MIXED, LEVEL)
    assert 'class="best"' not in told and "cannot be told: search-1-0-0 scores highest" in told
    assert "tell it from average" in told


def test_a_search_whose_winner_is_decided_shows_it(search):
    told = search(ABOVE, LEVEL)
    assert '<tr class="best"><th scope="row">search-1-0-0</th>' in told
    assert "is the best here" in told


def test_a_search_without_its_scores_decides_nothing(runs_folder, search_shown):
    write_records(runs_folder / "mine" / "searches" / "search-1" / "tried.jsonl", [
        Candidate("_search-1-average", {"a": 0.5}, 0.2), Candidate("_search-1-0-0", {"a": 0.6}, 0.9)])
    write_json(runs_folder / "mine" / "recipe.json", {})
    assert 'class="best"' not in search_shown("mine")
