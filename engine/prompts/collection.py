"""A skill's accepted and refused lines, on disk after every round: a stopped stage goes on as if it
had not been.

Three files per skill, each written whole or not at all. The recipe is there before the first line
and says how many lines count: what lies beyond its mark was not finished and is made again, and
lines with no recipe beside them can only be someone's own.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.core import prompt_files, provenance
from engine.core.errors import EngineError
from engine.core.store import Store, read_object, read_records, write_records
from engine.core.type_checks import reader
from engine.core.types import Prompt, RejectedPrompt
from engine.models.identity import recognised
from engine.prompts.novelty import Novelty
from engine.prompts.skills import Skill
from engine.worlds import Refusal

TOO_SIMILAR = "too similar"


@dataclass(frozen=True)
class Mark:
    """The last round boundary: how many rounds, accepted and refused lines lie behind it.

    `finished` is the count that the files answer whole, 0 while they do not. The lines of the round
    that reached it lie beyond the mark, so that a larger count later replays that round and goes on
    as if it had been asked at once.
    """

    rounds: int = 0
    accepted: int = 0
    rejected: int = 0
    finished: int = 0

    @property
    def barren(self) -> bool:
        """Whether nothing was kept so far."""
        return not self.accepted and not self.finished


@dataclass
class Collection:
    """The lines of one skill so far."""

    skill: Skill
    writer: str
    accepted: list[Prompt] = field(default_factory=list)
    rejected: list[RejectedPrompt] = field(default_factory=list)
    rounds: int = 0
    finished: bool = False
    is_users_own: bool = False
    """Whether somebody put the lines there, and no writer."""
    is_begun: bool = False
    """Whether its recipe lies on the disk."""
    novelty: Novelty = field(default_factory=Novelty)

    def __post_init__(self) -> None:
        for text in self.skill.examples:
            self.novelty.accept(text)
        for prompt in self.accepted:
            self.novelty.accept(prompt.text)

    def add(self, text: str, refusal: Refusal | None) -> None:
        """Accept or refuse a clean line: what the checks passed, the novelty filter decides."""
        name = self.skill.name
        if refusal:
            self.rejected.append(RejectedPrompt(name, text, refusal.reason, refusal.nearest))
            return
        verdict = self.novelty.verdict(text)
        if not verdict.new:
            rouge_l = round(verdict.rouge_l, 6)
            self.rejected.append(RejectedPrompt(name, text, TOO_SIMILAR, verdict.nearest, rouge_l))
            return
        self.novelty.accept(text)
        prompt_id = f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
        novelty = round(1 - verdict.rouge_l, 6)
        self.accepted.append(Prompt(prompt_id, name, text, self.writer, novelty))

    def add_unanswered(self, reason: str, text: str) -> None:
        """A round that brought no lines is kept like a refused line."""
        self.rejected.append(RejectedPrompt(self.skill.name, text, reason))

    def counts(self) -> dict[str, int]:
        """How many lines went which way."""
        return {"accepted": len(self.accepted), **self.refusals()}

    def refusals(self) -> dict[str, int]:
        """How many lines were refused, by kind, the commonest first."""
        return dict(Counter(map(kind_of, self.rejected)).most_common())

    def mark(self) -> Mark:
        return Mark(self.rounds, len(self.accepted), len(self.rejected))


def kind_of(line: RejectedPrompt) -> str:
    """What its reason says before the colon."""
    return line.reason.split(":")[0]


def recipe_path(store: Store, skill: str) -> Path:
    return store.prompts(skill).with_suffix(".recipe.json")


def begin(store: Store, lines: Collection, recipe: Mapping[str, Any]) -> None:
    """Say whose lines will be written, before any are: those that lie there from before count no
    more.
    """
    if not lines.is_begun:
        _write_mark(store, lines.skill.name, recipe, Mark())
        lines.is_begun = True


def save(store: Store, lines: Collection, recipe: Mapping[str, Any], mark: Mark) -> None:
    """Write all lines, then the mark: whatever lies beyond it on the disk was not finished and will
    be redone.
    """
    name = lines.skill.name
    write_records(store.rejections(name), lines.rejected)
    write_records(store.prompts(name), lines.accepted)
    _write_mark(store, name, recipe, mark)


def load(
    store: Store, skill: Skill, recipe: Mapping[str, Any], count: int, replace: bool
) -> Collection:
    """The lines as their last whole round left them; empty at first, finished if it already answers
    `count`.

    Prompts without a recipe beside them are someone's own: they are always left alone and count as
    finished. Where another recipe kept nothing there is nothing to lose: the collection is empty.
    Raises EngineError when prompts were written by another recipe, unless they may be replaced, and
    for prompts of one's own that cannot be read.
    """
    name, path = skill.name, recipe_path(store, skill.name)
    empty = Collection(skill, recipe["writer"])
    if not path.exists():
        prompts = prompt_files.read(store.prompts(name))
        if not prompts:
            return empty
        return Collection(skill, "", prompts, finished=True, is_users_own=True)
    saved = read_object(path, recipe=dict, mark=dict)
    mark = _mark(saved["mark"], path)
    is_same = provenance.is_same(
        recognised(saved["recipe"], recipe),
        recipe,
        f"The prompts for {name} were written with other settings",
        "Set them back, choose another run, or set replace to write the prompts anew",
        replace or mark.barren,
    )
    if not is_same or (mark.barren and replace):
        return empty
    accepted = prompt_files.read(store.prompts(name))
    rejected = read_records(store.rejections(name), RejectedPrompt)
    finished = mark.finished >= count
    if not finished:
        accepted, rejected = accepted[: mark.accepted], rejected[: mark.rejected]
    return Collection(
        skill, recipe["writer"], accepted, rejected, mark.rounds, finished, is_begun=True
    )


def _mark(values: Mapping[str, Any], path: Path) -> Mark:
    try:
        return reader(Mark)(values)
    except ValueError as error:
        raise EngineError(
            f"{path} is damaged (mark: {error}). Delete it and run its stage again."
        ) from error


def _write_mark(store: Store, skill: str, recipe: Mapping[str, Any], mark: Mark) -> None:
    provenance.write(recipe_path(store, skill), recipe, mark=asdict(mark))
