"""A run folder with a file of every kind, and who reads each of them."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app.tabs.merge import left_out_view, panes
from engine import jobs, runs
from engine.core import store
from engine.core.evidence import Answer, Evidence
from engine.core.store import Store, write_json, write_records, write_text
from engine.core.types import Prompt
from engine.evaluate import Config as Scoring
from engine.evaluate import report
from engine.experts import Config as Experts
from engine.experts import checkpoints
from engine.images import Config as Images
from engine.jobs import progress, record
from engine.merge import Config as Merge
from engine.merge import folder_for
from engine.prompts import Config as Prompts
from engine.prompts import collection, skills
from engine.runs import contents, settings, trainings
from engine.studies import grid, leave_one_out
from engine.studies.candidates import Candidate
from engine.votes import pairs
from tests.app.example_run import make_run
from tests.app.studio import whole_page

RUN = "mine"
SPLIT = Scoring(models={"base": {}}, guidances=(3.5,), split="test")


@dataclass(frozen=True)
class Kind:
    """One kind of file: an example's path in the run, and everything that reads such a file."""

    path: str
    readers: dict[str, Callable[[Store], Any]]
    by_line: bool = False
    others: tuple[str, ...] = ()
    """What must not stand beside it, or nobody looks at it."""


def everything(folder: Path) -> Store:
    """The example run, small, and whatever studies, jobs and recipes leave besides."""
    run = make_run(folder, prompts=2, judged=1)
    write_json(
        collection.recipe_path(run, "counting"),
        {
            "recipe": wanted_prompts(),
            "versions": {},
            "mark": {"rounds": 1, "accepted": 2, "rejected": 1, "finished": 2},
        },
    )
    write_json(
        run.images("counting") / "recipe.json",
        {"recipe": {"pictures_per_prompt": 1, "model": "storybook"}, "versions": {}},
    )
    for name in ("counting", "places"):
        write_json(
            run.expert(name) / "recipe.json",
            {
                "kind": "expert",
                "name": name,
                "skills": [name],
                "step": 3,
                "steps": 4,
                "rank": 4,
                "base": {"model": "storybook", "revision": None, "sha256": "0"},
                "versions": {},
            },
        )
    _grid(run)
    tried = {"weights": {"counting": 0.5, "places": 0.5}, "score": 0.5}
    write_records(
        run.folder / "searches" / "search-1" / "tried.jsonl",
        [Candidate("_search-1-average", **tried), Candidate("_search-1-0-0", **tried)],
    )
    write_json(
        run.folder / "searches" / "search-1" / "result.json",
        {
            **dict.fromkeys(
                (
                    "floor",
                    "ceiling",
                    "validation",
                    "average_on_validation",
                    "test",
                    "average_on_test",
                ),
                0.5,
            ),
            "weights": tried["weights"],
            "difference": [0.1, 0.0, 0.2],
            "verdict": "undecided",
        },
    )
    write_json(
        run.folder / leave_one_out.RESULT,
        {
            "merge": asdict(leave_one_out.Config(experts={"counting": 1.0, "places": 1.0})),
            "all": 0.5,
            "floor": 0.1,
            "ceiling": 0.9,
            "without": {"counting": {"score": 0.4, "difference": [-0.1, -0.2, 0.0]}},
        },
    )
    write_json(
        run.folder / "scores" / "base@3.5" / "test" / "storybook.recipe.json",
        {"recipe": {"steps": 20, "guidance": 3.5}, "versions": {}},
    )
    _jobs(run)
    return run


def wanted_prompts() -> dict[str, Any]:
    return {"writer": "storybook", "seed": 0}


def _grid(run: Store) -> None:
    asked_for = grid.Config(
        x="counting",
        y="places",
        weights={"counting": 1.0, "places": 1.0},
        name="grid-1",
        x_values=(0.0, 1.0),
        y_values=(0.0, 1.0),
    )
    folder = run.folder / "grids" / "grid-1"
    question = Answer("1", "entity", "a ball?", (), True)
    write_records(
        folder / grid.CELLS,
        [
            replace(cell, value=0.5, evidence=Evidence((question,)))
            for cell in grid.plan(asked_for)
        ],
    )
    write_json(
        folder / grid.RECIPE,
        {"recipe": {name: str(value) for name, value in asdict(asked_for).items()}},
    )


def _jobs(run: Store) -> None:
    folder = run.job("0001-experts")
    write_json(
        folder / "config.json", {"store": str(run.folder), "config": {"experts": {"a": ["places"]}}}
    )
    write_text(
        folder / "events.jsonl",
        '{"text": "experts: Fits.", "data": {"budget": {"batch": 1}}}\n'
        '{"text": "Done.", "done": 1, "total": 1, "kind": "done", "data": {}}\n',
    )
    write_json(folder / "process.json", {"pid": 4_000_000, "command": ["python"]})
    write_json(
        run.job("0002-evaluate") / "config.json",
        {
            "store": str(run.folder),
            "config": {"models": {"base": {}}, "split": "test", "judge": "storybook"},
        },
    )
    write_text(run.job("0002-evaluate") / "events.jsonl", '{"text": "Done.", "kind": "done"}\n')


def _tab(name: str, **given: Any) -> Callable[[Store], Any]:
    return lambda run: whole_page().draw(name, RUN, given)


def _pane(name: str) -> Callable[[Store], Any]:
    return _tab("merge", **{"pane-in-sight": name})


SHOWN: dict[str, Callable[[Store], Any]] = {
    "prompts": _tab("prompts"),
    "images": _tab("images"),
    "experts": _tab("experts"),
    "side by side": _pane(panes.SIDE_BY_SIDE),
    "search": _pane(panes.SEARCH),
    "files": _pane(panes.FILES),
    "evaluate": _tab("evaluate"),
    "left out": left_out_view.view,
    "bar": lambda run: whole_page().refresh.bar.show(RUN),
    "mark": lambda run: progress.mark(RUN),
    "budget": trainings.memory_budget,
    "base": contents.base_of,
    "jobs": lambda run: jobs.all_jobs(),
    "pairs": pairs.all_pairs,
    "first": lambda run: runs.default_run(),
    "standings": lambda run: report.table(report.lines(SPLIT, run), SPLIT.judge),
    "pool": lambda run: collection.load(
        run, skills.load("counting"), wanted_prompts(), 2, False
    ).counts(),
    "finished": lambda run: checkpoints.is_finished(
            run.expert("places"), {"steps": 4, "objective": "denoise"}),
    "merged": lambda run: folder_for(Merge({"counting": 0.5}), run),
    "cells": lambda run: grid.painted_cells(
        grid.Config("counting", "places", {"counting": 1.0}, name="grid-1"),
        run.folder / "grids" / "grid-1",
        {},
    ),
    "go on": lambda run: record.read_options(run.job("0001-experts")),
    **{
        f"asked {stage}": lambda run, stage=stage, kind=kind: settings.last_config(run, stage, kind)
        for stage, kind in (
            ("prompts", Prompts),
            ("images", Images),
            ("experts", Experts),
            ("evaluate", Scoring),
        )
    },
    "written": lambda run: store.read_records(run.prompts("counting"), Prompt),
}


def _kind(path: str, *readers: str, others: tuple[str, ...] = ()) -> Kind:
    return Kind(path, {name: SHOWN[name] for name in readers}, path.endswith(".jsonl"), others)


KINDS = [
    _kind("prompts/counting.jsonl", "prompts", "images", "bar", "pool"),
    _kind("prompts/counting.rejected.jsonl", "prompts", "pool"),
    _kind("prompts/counting.recipe.json", "pool", "prompts"),
    _kind("images/counting/metadata.jsonl", "images", "bar"),
    _kind("images/counting/recipe.json", "images", others=("images/counting/metadata.jsonl",)),
    _kind("experts/places/recipe.json", "experts", "side by side", "finished", "base", "files"),
    _kind("experts/places/losses.jsonl", "experts"),
    _kind("experts/places/samples/samples.json", "experts"),
    _kind("merges/merged/recipe.json", "side by side", "merged", "bar"),
    _kind("scores/base@3.5/test/storybook.jsonl", "evaluate", "standings", "bar"),
    _kind("scores/base@3.5/pictures/metadata.jsonl", "evaluate", "pairs"),
    _kind("searches/search-1/tried.jsonl", "search"),
    _kind("searches/search-1/result.json", "search", "side by side"),
    _kind("grids/grid-1/cells.jsonl", "side by side"),
    _kind("grids/grid-1/recipe.json", "side by side", "cells"),
    _kind("left_out/result.json", "left out"),
    _kind("jobs/0002-evaluate/config.json", "evaluate", "bar", "asked evaluate", "jobs"),
    _kind("jobs/0001-experts/config.json", "asked experts", "go on", "bar"),
    _kind("jobs/0001-experts/events.jsonl", "bar", "budget", "mark", "jobs", "first"),
    _kind("jobs/0001-experts/process.json", "bar", "mark", "jobs"),
]
