"""What a page shows of a ballot, and what it says back: which pair was in sight, and how long."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from app.show import markup, thumbnails
from engine.votes.ballots import Ballot
from engine.votes.schema import Choice
from engine.votes.similarity import SiftedPairs

CHOICES: dict[Choice, str] = {
    "left": "Left",
    "tie": "Tie",
    "both bad": "Both bad",
    "right": "Right",
}
"""The arrow keys of left, up, down and right; the page draws them where there is a keyboard."""
SCRIPT = """<script>
(() => {
  const sides = () => [...document.querySelectorAll("#vote-pair .sides img")];
  const eyes = new IntersectionObserver(entries => entries.forEach(entry => {
    if (!entry.isIntersecting) return;
    entry.target.dataset.seen ??= performance.now();
    eyes.unobserve(entry.target);
  }));
  document.addEventListener("load", loaded => {
    if (loaded.target.matches?.("#vote-pair .sides img")) eyes.observe(loaded.target);
  }, true);
  window.selmaSight = () => {
    const shown = document.querySelector("#vote-pair .ballot")?.dataset ?? {};
    const seen = sides().map(side => Number(side.dataset.seen ?? Infinity));
    const look = seen.length === 2 ? (performance.now() - Math.max(...seen)) / 1000 : 0;
    if (!(look > 0)) sides()[0]?.scrollIntoView({block: "nearest"});
    return {run: shown.run ?? "", ballot: shown.ballot ?? "", look_seconds: Math.max(0, look)};
  };
  document.addEventListener("keydown", press => {
    if (press.repeat || press.ctrlKey || press.metaKey || press.altKey || press.shiftKey) return;
    if (press.target.closest("input, textarea, select, [contenteditable=true]")) return;
    const ids = {ArrowLeft: "vote-left", ArrowRight: "vote-right",
                 ArrowUp: "vote-tie", ArrowDown: "vote-both-bad"};
    const button = ids[press.key] && document.getElementById(ids[press.key]);
    if (!button || button.disabled || button.offsetParent === null) return;
    press.preventDefault();
    button.click();
  });
})();
</script>"""
"""A vote takes its ballot from the pair that is on the page at the press, and the time since both
pictures were loaded and within the window. The arrow keys press the four buttons while they can be
seen."""
SIGHT = "selmaSight()"


@dataclass(frozen=True)
class Sight:
    """What a page says is on it; from anybody, so every word of it is checked where it is used."""

    run: str = ""
    ballot: str = ""
    look_seconds: float = 0.0

    @classmethod
    def parse(cls, sent: Any) -> "Sight":
        """What has the wrong type is nothing."""
        if not isinstance(sent, dict):
            return cls()
        look = sent.get("look_seconds")
        seconds = float(look) if isinstance(look, int | float) else 0.0
        return cls(_text(sent.get("run")), _text(sent.get("ballot")), seconds)

    def shows(self, run: str, ballot: Ballot | None) -> bool:
        """Whether it is this ballot's pair."""
        return ballot is not None and (self.run, self.ballot) == (run, ballot.id)


def view(run: str, ballot: Ballot | None, pairs: SiftedPairs) -> str:
    """The prompt and two pictures of equal size, in addresses that tell nothing."""
    if not pairs.total:
        return markup.empty(
            "Nothing to compare yet",
            "Votes are cast on the pictures of the Evaluate stage: run it for two models at least, "
            "or choose the example run above.",
        )
    count = len(pairs.distinct)
    if not count:
        return markup.empty(
            "Nothing to tell apart",
            f"{omissions(pairs)} Compare other models, or evaluate on more prompts.",
        )
    if ballot is None:
        return markup.empty(
            "That was the last pair",
            f"You have voted on all {count}. Thank you: what people prefer is below.",
        )
    question = f"Pair {ballot.number} of {ballot.total}. Which picture shows it better?"
    place = f'data-run="{escape(run)}" data-ballot="{escape(ballot.id)}"'
    progress = f'<p class="progress">{question}</p>'
    prompt = f'<div class="prompt-text">{escape(ballot.prompt)}</div>'
    sides = _side(ballot.left, "left picture") + _side(ballot.right, "right picture")
    return f'<div class="ballot" {place}>{progress}{prompt}<div class="sides">{sides}</div></div>'


def omissions(pairs: SiftedPairs) -> str:
    """How many pairs nobody is asked about, and why; nothing when all are asked about."""
    sentences = []
    if pairs.alike_count:
        sentences.append(
            f"{pairs.alike_count} of {pairs.total} pairs look alike: nobody is asked about "
            "them, and they count for neither model."
        )
    if pairs.unreadable_count:
        sentences.append(
            f"{pairs.unreadable_count} of {pairs.total} pairs cannot be read and are left "
            "out: the server's log names the files."
        )
    return " ".join(sentences)


def note(refusal: str, omissions: str = "") -> str:
    """What stands below the buttons: why the last press was no vote, and what nobody is asked."""
    html = f'<p class="refusal" role="status">{escape(refusal)}</p>' if refusal else ""
    return html + markup.aside(omissions) if omissions else html


def _side(file: Path, alt: str) -> str:
    return thumbnails.img(thumbnails.whole(thumbnails.bare(file)), alt)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
