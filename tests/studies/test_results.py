"""What the studies of a run have found so far."""

import os

import pytest

from engine.core.errors import EngineError
from engine.core.store import Store, write_json, write_records, write_text
from engine.studies import grid, leave_one_out, results
from engine.studies.candidates import Candidate, file_of

RATES = {"test": 0.7, "average_on_test": 0.6, "floor": 0.1, "ceiling": None}


@pytest.fixture
def run(tmp_path):
    return Store(tmp_path)


def put_grid(run, name, changed_at):
    recipe = results.grid_folder(run, name) / grid.RECIPE
    write_json(recipe, {"recipe": {"x": "counting", "y": "places", "judge": "storybook"}})
    os.utime(recipe, (changed_at, changed_at))


def put_search(run, name, changed_at):
    tried = file_of(run, name)
    write_records(tried, [Candidate(f"_{name}-average", {"a": 0.5, "b": 0.5}, 0.7)])
    os.utime(tried, (changed_at, changed_at))


def test_an_empty_run_has_no_results(run):
    assert results.grids(run) == []
    assert results.newest_search(run) == ""
    assert results.search_result(run, "search-1") is None
    assert results.left_out(run) is None


def test_grids_are_listed_the_newest_first(run):
    for name, changed_at in (("old", 1), ("new", 3), ("middle", 2)):
        put_grid(run, name, changed_at)
    assert results.grids(run) == ["new", "middle", "old"]


def test_a_grid_has_axes_and_the_cells_that_are_painted(run):
    put_grid(run, "first", 1)
    config = grid.Config(x="counting", y="places", weights={"counting": 1.0, "places": 1.0}, name="first")
    cells = grid.plan(config)[:3]
    write_records(results.grid_folder(run, "first") / grid.CELLS, cells)
    assert results.grid_axes(run, "first")["y"] == "places"
    assert results.cells(run, "first") == cells


def test_a_grid_without_axes_is_damaged(run):
    write_text(results.grid_folder(run, "first") / grid.RECIPE, '{"recipe": {"x": "counting"}}')
    with pytest.raises(EngineError, match="recipe.json is damaged"):
        results.grid_axes(run, "first")


def test_the_search_last_worked_on_is_the_newest(run):
    put_search(run, "search-1", 2)
    put_search(run, "search-2", 1)
    assert results.newest_search(run) == "search-1"


def test_a_searchs_result_is_read_when_it_is_there(run):
    file = file_of(run, "search-1").with_name("result.json")
    write_json(file, {**RATES, "difference": [0.1, 0.0, 0.2], "verdict": "better"})
    result = results.search_result(run, "search-1")
    assert {name: result[name] for name in RATES} == RATES
    write_json(file, {**RATES, "test": "0.7", "difference": None, "verdict": "better"})
    with pytest.raises(EngineError, match="result.json is damaged"):
        results.search_result(run, "search-1")


def test_what_a_merge_loses_without_an_expert(run):
    merge = {"method": "average", "experts": {"a": 1.0, "b": 1.0}, "guidance": 3.5}
    without = {"a": {"score": 0.5, "difference": None}}
    result = {"merge": merge, "without": without, "all": 0.6, "floor": 0.1, "ceiling": 0.9}
    write_json(run.folder / leave_one_out.RESULT, result)
    assert results.left_out(run)["without"] == without


def test_a_free_name_is_the_first_that_nobody_has(run):
    assert results.free_name(run, results.SEARCHES, "search") == "search-1"
    for number in (1, 2, 4):
        put_search(run, f"search-{number}", 1)
    assert results.free_name(run, results.SEARCHES, "search") == "search-3"
