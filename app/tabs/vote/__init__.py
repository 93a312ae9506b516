"""People choose between two pictures of the same prompt, without knowing who painted them."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from app import parts, scripts
from app.listeners import QUEUED, Updates, Values
from app.show import markup
from app.tab import Tab
from app.tabs.vote import ballot_view, results_view, voter_identity
from app.tabs.vote.ballot_view import CHOICES, Sight
from engine import runs
from engine.runs import voting
from engine.votes import ballots
from engine.votes.admission import CrowdError
from engine.votes.ballots import Ballot, EarlyVote
from engine.votes.ledger import RefusedVote
from engine.votes.schema import Choice
from engine.votes.similarity import SiftedPairs
from engine.votes.voters import Voter

TITLE = "Vote"


class Drawing(NamedTuple):
    """A pair as a page shows it; no ballot where there is nothing to vote on."""

    ballot: Ballot | None
    html: str


@dataclass(frozen=True)
class Vote:
    """The tab's components and what they do."""

    run: gr.Dropdown
    duel: gr.Dropdown
    sight: gr.JSON
    """What the page says is on it."""
    voter: gr.BrowserState
    """The token that the page's browser keeps."""
    pair: gr.HTML
    buttons: dict[Choice, gr.Button]
    note: gr.HTML
    panel: gr.Accordion
    results: gr.HTML
    plot: gr.Plot

    @property
    def inputs(self) -> set[Any]:
        return {self.duel, self.sight, self.voter}

    @property
    def outputs(self) -> list[Any]:
        """What another pair changes."""
        around = [self.sight, self.voter, self.note, self.panel]
        return [self.pair, *self.buttons.values(), *around]

    def show(self, run: str, values: Values) -> Updates:
        """The run's duels and the voter's next pair; nothing moves while that is the pair in sight.

        Raises EngineError where votes or pictures cannot be read.
        """
        duels = list(voting.duels(run))
        duel = parts.one_of(values[self.duel], duels)
        choice = parts.choice_update(duels, duel, visible=len(duels) > 1)
        sight = Sight.parse(values[self.sight])
        return {self.duel: choice, **self._next_pair(run, duel, values[self.voter], sight)}

    def show_duel(self, values: Values) -> Updates:
        """The voter's next pair in the duel; what was counted is folded away, since it tells of the
        pair before.
        """
        return self._next_pair(values[self.run], values[self.duel], values[self.voter])

    def vote(self, choice: Choice, values: Values) -> Updates:
        """Count the vote on the pair that was on the page, and show the next.

        A press before the pair was looked at changes nothing.
        """
        sight, refusal = Sight.parse(values[self.sight]), ""
        try:
            _cast(choice, sight, values[self.voter])
        except EarlyVote as error:
            return {self.note: ballot_view.note(str(error))}
        except RefusedVote as error:
            refusal = str(error)
        updates = self.show_duel(values)
        updates[self.note] = ballot_view.note(refusal) + updates[self.note]
        return updates

    def count(self, values: Values) -> Updates:
        """All votes on the run's pictures as they are now."""
        run = values[self.run]
        duels = results_view.count(run)
        pairs = voting.sifted_pairs(run, values[self.duel])
        table = results_view.table(duels, ballot_view.omissions(pairs))
        figure = parts.figure_update(results_view.figure(duels))
        return {self.results: table, self.plot: figure}

    def _next_pair(
        self, run: str, duel: str | None, token: Any, sight: Sight | None = None
    ) -> Updates:
        pairs = voting.sifted_pairs(run, duel)
        if not pairs.distinct:
            return self._pair(run, Drawing(None, ballot_view.view(run, None, pairs)))
        try:
            voter = voter_identity.admit(token)
        except CrowdError as error:
            crowded = markup.empty("Not so many at once", str(error))
            return self._pair(run, Drawing(None, crowded))
        updates: Updates = {}
        if voter.token != token:
            updates[self.voter] = voter.token
        drawing = _draw(run, pairs, voter)
        if sight and sight.shows(run, drawing.ballot):
            return updates
        updates |= self._pair(run, drawing)
        updates[self.note] = ballot_view.note("", ballot_view.omissions(pairs))
        return updates

    def _pair(self, run: str, drawing: Drawing) -> Updates:
        """Everything but the choice of duels and the voter; the results are folded away."""
        ballot = drawing.ballot
        sight = {"run": run, "ballot": ballot.id if ballot else ""}
        updates: Updates = {
            self.sight: sight,
            self.pair: drawing.html,
            self.note: ballot_view.note(""),
            self.panel: gr.update(open=False),
        }
        for button in self.buttons.values():
            updates[button] = gr.update(interactive=ballot is not None)
        return updates


def build(run: gr.Dropdown) -> Tab:
    tab = _components(run)
    inputs = {run, *tab.inputs}
    script = scripts.reading(inputs, {tab.sight: ballot_view.SIGHT})
    for choice, button in tab.buttons.items():
        vote = partial(tab.vote, choice)
        button.click(vote, inputs, tab.outputs, js=script, trigger_mode="once", **QUEUED)
    tab.panel.expand(tab.count, {run, tab.duel}, [tab.results, tab.plot], **QUEUED)
    tab.duel.input(tab.show_duel, {run, tab.duel, tab.voter}, tab.outputs, **QUEUED)
    return Tab(tab.inputs, [tab.duel, *tab.outputs], tab.show, unseen=[tab.voter])


def _components(run: gr.Dropdown) -> Vote:
    sight = gr.JSON({}, visible=False, elem_id="vote-sight")
    voter = gr.BrowserState(
        "", storage_key="selma-studio-voter", secret="not a secret", render=False
    )
    voter.elem_id = "voter"  # its constructor takes none
    duel = gr.Dropdown([], label="Compare", elem_id="vote-duel", container=False)
    pair = gr.HTML(elem_id="vote-pair")
    buttons: dict[Choice, gr.Button] = {}
    with gr.Row(elem_id="vote-buttons"):
        for choice, label in CHOICES.items():
            elem_id = f"vote-{choice.replace(' ', '-')}"
            buttons[choice] = gr.Button(label, elem_id=elem_id, min_width=60)
    note = gr.HTML(elem_id="vote-note")
    with gr.Accordion("What people prefer so far", open=False, elem_id="vote-results") as panel:
        results = gr.HTML(elem_id="vote-table")
        plot = parts.figure("vote-plot")
    return Vote(run, duel, sight, voter, pair, buttons, note, panel, results, plot)


def _draw(run: str, pairs: SiftedPairs, voter: Voter) -> Drawing:
    """The next ballot and what a page shows of it; once more when it got its vote meanwhile.

    Otherwise a slow drawing would bring back a pair that its page has left behind.
    """
    ledger = voting.open_ledger(run)
    while True:
        ballot = ballots.next_ballot(ledger, pairs.distinct, voter.id)
        html = ballot_view.view(run, ballot, pairs)
        if ballot is None or not ledger.has_vote(ballot.id):
            return Drawing(ballot, html)


def _cast(choice: Choice, sight: Sight, token: Any) -> None:
    """Where the pair in sight was handed out, whatever run is chosen by now."""
    if not runs.is_there(sight.run):
        raise RefusedVote("This pair's run is gone. Here is the next pair.")
    ledger = voting.open_ledger(sight.run)
    voter = voter_identity.page_voter(token)
    ballots.cast(ledger, sight.ballot, choice, voter.id, sight.look_seconds)
