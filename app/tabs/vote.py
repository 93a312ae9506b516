"""People choose between two pictures of the same prompt, without knowing who painted them."""
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import gradio as gr

from app import contents, figures, page, pictures, runs, views
from app.page import QUIET, Page, told
from app.preview import USUAL_GUIDANCE
from engine.core.store import Store
from engine.votes import ballots, statistics
from engine.votes.ballots import Ballot, Pair
from engine.votes.ledger import Choice, Ledger, Refused

TITLE = "Vote"
LEAST_LOOK_SECONDS = 0.4
"""A vote that comes sooner after the pair is a second press meant for the pair before."""
EVERYTHING = "all models against each other"
CHOICES: dict[Choice, str] = {"left": "← Left", "tie": "↑ Tie", "both bad": "↓ Both bad", "right": "Right →"}
KEYS = """<script>
document.addEventListener("keydown", press => {
  if (press.repeat || press.ctrlKey || press.metaKey || press.altKey || press.shiftKey) return;
  if (press.target.closest("input, textarea, select, [contenteditable=true]")) return;
  const ids = {ArrowLeft: "vote-left", ArrowRight: "vote-right", ArrowUp: "vote-tie", ArrowDown: "vote-both-bad"};
  const button = ids[press.key] && document.getElementById(ids[press.key]);
  if (!button || button.disabled || button.offsetParent === null) return;
  press.preventDefault();
  button.click();
});
</script>"""
"""The arrow keys press the four buttons while they can be seen."""


@dataclass
class Booth:
    """One page's place in the voting; stays on the server."""

    ballot: Ballot | None = None
    shown_at: float = field(default_factory=time.monotonic)

    def show(self, ballot: Ballot | None) -> None:
        if ballot != self.ballot:
            self.ballot, self.shown_at = ballot, time.monotonic()

    def may_vote(self) -> bool:
        return self.ballot is not None and time.monotonic() - self.shown_at >= LEAST_LOOK_SECONDS


def build(run: gr.Dropdown) -> Page:
    booth = gr.State(Booth())
    voter = gr.BrowserState("", storage_key="selma-studio-voter", secret="not a secret")
    duel = gr.Dropdown([], label="Compare", elem_id="vote-duel", container=False)
    pair = gr.HTML(elem_id="vote-pair")
    with gr.Row(elem_id="vote-buttons"):
        buttons = {choice: gr.Button(label, elem_id=f"vote-{choice.replace(' ', '-')}", min_width=120)
                   for choice, label in CHOICES.items()}
    with gr.Accordion("What people prefer so far", open=False, elem_id="vote-results") as panel:
        results = gr.HTML()
        plot = gr.Plot(visible=False, show_label=False, container=False, elem_classes="figure")
    shown = [booth, voter, pair, *buttons.values(), panel]
    for choice, button in buttons.items():
        button.click(partial(vote, choice), [run, duel, booth, voter], shown, trigger_mode="once", **QUIET)
    panel.expand(so_far, run, [results, plot], **QUIET)
    duel.input(show_pair, [run, duel, booth, voter], shown, **QUIET)
    return Page([duel, booth, voter], [duel, *shown], show)


def show(run: str, duel: str | None, booth: Booth, voter: str) -> list[Any]:
    """The run's duels and the voter's next pair; nothing moves while that is the pair in sight.

    Raises EngineError where votes or pictures cannot be read.
    """
    among = _duels(run)
    duel = duel if duel in among else next(iter(among))
    before = booth.ballot  # with its files, which are one run's
    pair = _next_pair(run, duel, booth, voter)
    if before and booth.ballot == before:
        pair = [gr.skip()] * len(pair)
    return [gr.update(choices=list(among), value=duel, visible=len(among) > 1), *pair]


def show_pair(run: str, duel: str | None, booth: Booth, voter: str) -> list[Any]:
    """The voter's next pair in the duel; what was counted is folded away, since it tells of the pair before."""
    with told():
        return _next_pair(run, duel, booth, voter)


def _next_pair(run: str, duel: str | None, booth: Booth, voter: str) -> list[Any]:
    voter = voter or ballots.new_voter()
    among = _pairs(run, _duels(run).get(duel or "", ()))
    booth.show(ballots.next_ballot(_ledger(runs.votes_url(run)), among, voter) if among else None)
    buttons = [gr.Button(interactive=booth.ballot is not None) for _ in CHOICES]
    return [booth, voter, pair_view(booth.ballot, len(among)), *buttons, gr.Accordion(open=False)]


def vote(choice: Choice, run: str, duel: str | None, booth: Booth, voter: str) -> list[Any]:
    """Count the vote on the pair that is shown, and show the next."""
    with told():
        if booth.ballot is not None and booth.may_vote():
            try:
                _ledger(runs.votes_url(run)).cast(booth.ballot.id, choice)
            except Refused as refused:
                gr.Info(views.escaped(refused), duration=4)
    return show_pair(run, duel, booth, voter)


def pair_view(ballot: Ballot | None, total: int) -> str:
    """The prompt and two pictures of equal size, in addresses that tell nothing."""
    if not total:
        return views.empty("Nothing to compare yet", "Votes are cast on the pictures of the Evaluate stage: run it for "
                           "two models at least, or choose the example run above.")
    if ballot is None:
        return views.empty("That was the last pair", f"You have voted on all {total}. Thank you: what people prefer "
                           "is below.")
    sides = "".join(pictures.img(pictures.whole(pictures.bare(file)), f"{side} picture")
                    for side, file in (("left", ballot.left), ("right", ballot.right)))
    asked = f"Pair {ballot.number} of {ballot.total}. Which picture shows it better?"
    return (f'<div class="ballot"><p class="progress">{asked}</p>'
            f'<div class="asked">{views.escaped(ballot.prompt)}</div><div class="sides">{sides}</div></div>')


def so_far(run: str) -> tuple[str, Any]:
    """All votes on the run's pictures as they are now, as a table and a figure."""
    with told():
        known = {pair.id for pair in _pairs(run, ())}
        votes = _ledger(runs.votes_url(run)).votes() if known else []
        counted = statistics.duels([vote for vote in votes if vote.pair in known])
    return results_view(counted), page.plot(_plot(counted))


def results_view(counted: Sequence[statistics.Duel]) -> str:
    if not counted:
        return views.empty("No votes yet", "They are counted here as they come.")
    header = ("", "preferred %", "95 % interval", "wins", "ties", "losses", "both bad")
    rows = [(f"{d.model} over {d.rival}", views.percent(d.win_rate), views.span(*d.interval),
             str(d.wins), str(d.ties), str(d.losses), str(d.both_bad)) for d in counted]
    return views.table(header, rows) + views.aside("A tie counts half to each; both bad is no preference. Wilson "
                                                   "intervals, which take votes for independent.")


def _plot(counted: Sequence[statistics.Duel]) -> Any:
    rates = {f"{d.model} over {d.rival}": figures.Point(d.win_rate, *d.interval)
             for d in counted if d.win_rate is not None}
    return figures.preferences(rates) if rates else None


def _duels(run: str) -> dict[str, tuple[str, ...]]:
    """What can be compared, by its label: each merge with the base first."""
    folder = runs.folder(run)
    models = sorted(path.parent.name for path in folder.glob("scores/*/pictures"))
    merges = [path.name for path in folder.glob("merges/*")]
    return {f"{ours} and {theirs}": (ours, theirs) for ours, theirs in rivals(models, merges)} | {EVERYTHING: ()}


def rivals(models: Sequence[str], merges: Sequence[str]) -> list[tuple[str, str]]:
    """Each model with the base, at its own guidance scale if it was painted there: merges first, then by how usual
    the scale is."""
    def rank(model: str) -> tuple[bool, float, str]:
        arm, scale = contents.arm_of(model)
        return arm not in merges, abs((scale or 0.0) - USUAL_GUIDANCE), model

    bases = {contents.arm_of(model)[1]: model for model in models if contents.arm_of(model)[0] == "base"}
    others = sorted((model for model in models if contents.arm_of(model)[0] != "base"), key=rank)
    usual = next(iter(sorted(bases.values(), key=rank)), None)
    pairs = [(model, bases.get(contents.arm_of(model)[1], usual)) for model in others]
    return [(model, base) for model, base in pairs if base is not None]


def _pairs(run: str, models: Sequence[str]) -> list[Pair]:
    folder = runs.folder(run)
    changed = tuple(path.stat().st_mtime_ns for path in sorted(folder.glob("scores/*/pictures/metadata.jsonl")))
    return _pairs_of(folder, tuple(models), changed)


@lru_cache(16)
def _pairs_of(folder: Path, models: tuple[str, ...], _changed: tuple[int, ...]) -> list[Pair]:
    return ballots.pairs(Store(folder), models)


@cache
def _ledger(url: str) -> Ledger:
    return Ledger(url)


def forget_ledgers() -> None:
    """Open them anew: a run's folder has another name, or is gone, and its old name may be given again."""
    _ledger.cache_clear()
