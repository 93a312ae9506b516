"""People choose between two pictures of the same prompt, without knowing who painted them."""

from collections.abc import Sequence
from contextlib import suppress
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import gradio as gr

from app import page
from app.page import QUIET, Page, told
from app.show import charts, markup
from app.tabs.vote import ballot_view, voter_identity
from app.tabs.vote.ballot_view import CHOICES, Sight
from engine import runs
from engine.core.store import Store
from engine.evaluate import planning, standings
from engine.runs.preview import USUAL_GUIDANCE
from engine.votes import ballots, similarity, statistics
from engine.votes.ballots import Ballot, Pair
from engine.votes.ledger import Ledger, Refused
from engine.votes.schema import Choice
from engine.votes.similarity import Sifted
from engine.votes.voters import TooMany, Voter

TITLE = "Vote"
EVERYTHING = "all models against each other"
Stamps = tuple[tuple[int, int], ...]
"""When files were changed, and their sizes."""
WIDTH = 5 + len(CHOICES)
"""How many things of the page a pair changes."""


def build(run: gr.Dropdown) -> Page:
    sight = gr.JSON({}, visible=False)
    voter = gr.BrowserState(
        "", storage_key="selma-studio-voter", secret="not a secret", render=False
    )
    duel = gr.Dropdown([], label="Compare", elem_id="vote-duel", container=False)
    pair = gr.HTML(elem_id="vote-pair")
    with gr.Row(elem_id="vote-buttons"):
        ids = {choice: f"vote-{choice.replace(' ', '-')}" for choice in CHOICES}
        buttons = {
            choice: gr.Button(label, elem_id=ids[choice], min_width=60)
            for choice, label in CHOICES.items()
        }
    note = gr.HTML(elem_id="vote-note")
    with gr.Accordion("What people prefer so far", open=False, elem_id="vote-results") as panel:
        results = gr.HTML()
        plot = gr.Plot(visible=False, show_label=False, container=False, elem_classes="figure")
    asked, shown = [run, duel, sight, voter], [sight, voter, pair, *buttons.values(), note, panel]
    for choice, button in buttons.items():
        button.click(
            partial(vote, choice),
            asked,
            shown,
            js=ballot_view.WITH_SIGHT,
            trigger_mode="once",
            **QUIET,
        )
    panel.expand(so_far, [run, duel], [results, plot], **QUIET)
    duel.input(show_pair, [run, duel, voter], shown, **QUIET)
    return Page([duel, sight, voter], [duel, *shown], show, unseen=[voter])


def show(run: str, duel: str | None, said: Any, token: Any) -> list[Any]:
    """The run's duels and the voter's next pair; nothing moves while that is the pair in sight.

    Raises EngineError where votes or pictures cannot be read.
    """
    among = _duels(run)
    duel = duel if duel in among else next(iter(among))
    pair = _next_pair(run, duel, token, Sight.told(said))
    return [gr.update(choices=list(among), value=duel, visible=len(among) > 1), *pair]


def show_pair(run: str, duel: str | None, token: Any) -> list[Any]:
    """The voter's next pair in the duel; what was counted is folded away, since it tells of the
    pair before.
    """
    with told():
        return _next_pair(run, duel, token)


def vote(choice: Choice, run: str, duel: str | None, said: Any, token: Any) -> list[Any]:
    """Count the vote on the pair that was on the page, and show the next.

    A press before the pair was looked at changes nothing.
    """
    sight, refusal = Sight.told(said), ""
    with told():
        try:
            _cast(choice, sight, token)
        except ballots.TooSoon as early:
            return [gr.skip()] * (WIDTH - 2) + [ballot_view.note(str(early)), gr.skip()]
        except Refused as refused:
            refusal = str(refused)
        return _next_pair(run, duel, token, refusal=refusal)


def _next_pair(
    run: str, duel: str | None, token: Any, sight: Sight | None = None, refusal: str = ""
) -> list[Any]:
    sifted = _sifted(run, _duels(run).get(duel or "", ()))
    try:
        voter = voter_identity.admitted(token) if sifted.asked else None
    except TooMany as error:
        crowded = markup.empty("Not so many at once", str(error))
        return _shown(run, None, gr.skip(), crowded, ballot_view.note(refusal))
    kept = gr.skip() if voter is None or voter.token == token else voter.token
    ballot, pair = _drawn(run, sifted, voter)
    if sight and sight.same_pair(run, ballot):
        return [gr.skip(), kept, *[gr.skip()] * (WIDTH - 2)]
    left_out = ballot_view.left_out(sifted) if sifted.asked else ""
    return _shown(run, ballot, kept, pair, ballot_view.note(refusal, left_out))


def _drawn(run: str, sifted: Sifted, voter: Voter | None) -> tuple[Ballot | None, str]:
    """The next ballot and what a page shows of it; once more when it got its vote meanwhile.

    Otherwise a slow drawing would bring back a pair that its page has left behind.
    """
    if voter is None:
        return None, ballot_view.view(run, None, sifted)
    ledger = _ledger(runs.votes_url(run))
    while True:
        ballot = ballots.next_ballot(ledger, sifted.asked, voter.id)
        pair = ballot_view.view(run, ballot, sifted)
        if ballot is None or not ledger.has_vote(ballot.id):
            return ballot, pair


def _shown(run: str, ballot: Ballot | None, kept: Any, pair: str, note: str) -> list[Any]:
    """Everything but the choice of duels, in the order of the page; the results are folded away."""
    sight = {"run": run, "ballot": ballot.id if ballot else ""}
    buttons = [gr.Button(interactive=ballot is not None) for _ in CHOICES]
    return [sight, kept, pair, *buttons, note, gr.Accordion(open=False)]


def _cast(choice: Choice, sight: Sight, token: Any) -> None:
    """Where the pair in sight was handed out, whatever run is chosen by now."""
    if not runs.folder(sight.run).is_dir():
        raise Refused("This pair's run is gone. Here is the next pair.")
    ledger = _ledger(runs.votes_url(sight.run))
    ballots.cast(
        ledger, sight.ballot, choice, voter_identity.of_page(token).id, sight.looked_seconds
    )


def so_far(run: str, duel: str | None) -> tuple[str, Any]:
    """All votes on the run's pictures as they are now, as a table and a figure."""
    with told():
        known = {pair.id for pair in _pairs(run)}
        votes = _ledger(runs.votes_url(run)).votes() if known else []
        counted = statistics.duels([vote for vote in votes if vote.pair in known])
        note = ballot_view.left_out(_sifted(run, _duels(run).get(duel or "", ())))
    return results_view(counted, note), page.plot(_plot(counted))


def results_view(counted: Sequence[statistics.Duel], note: str = "") -> str:
    if not counted:
        return markup.empty("No votes yet", "They are counted here as they come.")
    header = ("", "preferred %", "95 % interval", "wins", "ties", "losses", "both bad")
    rows = [
        (
            f"{d.model} over {d.rival}",
            markup.percent(d.win_rate),
            markup.span(*d.interval),
            str(d.wins),
            str(d.ties),
            str(d.losses),
            str(d.both_bad),
        )
        for d in counted
    ]
    said = (
        "A tie counts half to each; both bad is no preference. Wilson intervals, which take "
        "votes for independent."
    )
    return markup.table(header, rows) + markup.aside(f"{said} {note}")


def _plot(counted: Sequence[statistics.Duel]) -> Any:
    rates = {
        f"{d.model} over {d.rival}": charts.Point(d.win_rate, *d.interval)
        for d in counted
        if d.win_rate is not None
    }
    return charts.preferences(rates) if rates else None


def _duels(run: str) -> dict[str, tuple[str, ...]]:
    """What can be compared, by its label: each merge with the base first."""
    folder = runs.folder(run)
    models = sorted(path.parent.name for path in folder.glob("scores/*/pictures"))
    merges = [path.name for path in folder.glob("merges/*")]
    return {f"{ours} and {theirs}": (ours, theirs) for ours, theirs in rivals(models, merges)} | {
        EVERYTHING: ()
    }


def rivals(models: Sequence[str], merges: Sequence[str]) -> list[tuple[str, str]]:
    """Each model with the base, at its own guidance scale if it was painted there: merges first,
    then by how usual the scale is."""

    def rank(model: str) -> tuple[bool, float, str]:
        arm, scale = planning.arm_of(model)
        return arm not in merges, abs((scale or 0.0) - USUAL_GUIDANCE), model

    ranked = sorted(models, key=rank)
    pairs = [(model, standings.base_of(model, ranked)) for model in ranked]
    return [(model, base) for model, base in pairs if base is not None]


def _sifted(run: str, models: Sequence[str]) -> Sifted:
    """The pairs to ask."""
    folder = runs.folder(run)
    return _sifted_once(folder, tuple(models), _stamps(folder))


def _pairs(run: str) -> Sequence[Pair]:
    """Every pair of the run, asked or not."""
    folder = runs.folder(run)
    return _pairs_once(folder, (), _stamps(folder))


def _stamps(folder: Path) -> Stamps:
    """Another value as soon as any picture or its metadata changes."""
    found = []
    for path in sorted(folder.glob("scores/*/pictures/[!.]*")):
        with suppress(FileNotFoundError):  # replaced at this moment
            told = path.stat()
            found.append((told.st_mtime_ns, told.st_size))
    return tuple(found)


@lru_cache(16)
def _sifted_once(folder: Path, models: tuple[str, ...], changed: Stamps) -> Sifted:
    return similarity.sift(_pairs_once(folder, models, changed))


@lru_cache(16)
def _pairs_once(folder: Path, models: tuple[str, ...], _changed: Stamps) -> Sequence[Pair]:
    return ballots.pairs(Store(folder), models)


@cache
def _ledger(url: str) -> Ledger:
    return Ledger(url)


def forget_ledgers() -> None:
    """Open them anew: a run's folder has another name, or is gone, and its old name may be given
    again.
    """
    _ledger.cache_clear()
