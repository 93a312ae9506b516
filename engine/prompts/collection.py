"""A skill's accepted and refused lines, on disk after every round: a stopped stage goes on as if it
had not been.

Three files a skill, each written whole or not at all. The recipe is there before the first line and
says how many lines count: what lies beyond its mark was not finished and is made again, and lines
with no recipe beside them can only be someone's own.
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
from engine.core.typed import reader
from engine.core.types import Prompt, Rejected
from engine.models.identity import recognised
from engine.prompts.checks import Refusal
from engine.prompts.novelty import Novelty
from engine.prompts.skills import Skill

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
class Pool:
    """The lines of one skill so far."""

    skill: Skill
    writer: str
    accepted: list[Prompt] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    rounds: int = 0
    finished: bool = False
    own: bool = False
    """Whether the lines are someone's own, and no writer's."""
    begun: bool = False
    """Whether its recipe lies on the disk."""
    novelty: Novelty = field(default_factory=Novelty)

    def __post_init__(self) -> None:
        for text in [*self.skill.examples, *(prompt.text for prompt in self.accepted)]:
            self.novelty.accept(text)

    def take(self, text: str, refusal: Refusal | None) -> None:
        """Accept or refuse a clean line: what the checks passed, the novelty filter decides."""
        name = self.skill.name
        if refusal:
            self.rejected.append(Rejected(name, text, refusal.reason, refusal.nearest))
            return
        verdict = self.novelty.verdict(text)
        if not verdict.new:
            rouge_l = round(verdict.rouge_l, 6)
            self.rejected.append(Rejected(name, text, TOO_SIMILAR, verdict.nearest, rouge_l))
            return
        self.novelty.accept(text)
        prompt_id = f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
        self.accepted.append(
            Prompt(prompt_id, name, text, self.writer, round(1 - verdict.rouge_l, 6))
        )

    def no_answer(self, reason: str, text: str) -> None:
        """A round that brought no lines, told like a refused one."""
        self.rejected.append(Rejected(self.skill.name, text, reason))

    def counts(self) -> dict[str, int]:
        """How many lines went which way, refusals by kind, the commonest first."""
        kinds = Counter(line.reason.split(":")[0] for line in self.rejected)
        return {"accepted": len(self.accepted), **dict(kinds.most_common())}

    def mark(self) -> Mark:
        return Mark(self.rounds, len(self.accepted), len(self.rejected))


def recipe_path(store: Store, skill: str) -> Path:
    return store.prompts(skill).with_suffix(".recipe.json")


def begin(store: Store, pool: Pool, recipe: Mapping[str, Any]) -> None:
    """Say whose lines will be written, before any are: those that lie there from before count no
    more.
    """
    if not pool.begun:
        _write_mark(store, pool.skill.name, recipe, Mark())
        pool.begun = True


def save(store: Store, pool: Pool, recipe: Mapping[str, Any], mark: Mark) -> None:
    """Write all lines, then the mark: whatever lies beyond it on the disk was not finished and will
    be redone.
    """
    name = pool.skill.name
    write_records(store.rejected(name), pool.rejected)
    write_records(store.prompts(name), pool.accepted)
    _write_mark(store, name, recipe, mark)


def load(store: Store, skill: Skill, recipe: Mapping[str, Any], count: int, replace: bool) -> Pool:
    """The pool as its last whole round left it; empty at first, finished if it already answers
    `count`.

    Prompts without a recipe beside them are someone's own: they are always left alone and count as
    finished. Where another recipe kept nothing there is nothing to lose, and the pool is empty.
    Raises EngineError when prompts were written by another recipe, unless they may be replaced, and
    for prompts of one's own that cannot be read.
    """
    fresh, path, name = Pool(skill, recipe["writer"]), recipe_path(store, skill.name), skill.name
    if not path.exists():
        own = prompt_files.read(store.prompts(name))
        return Pool(skill, "", own, finished=True, own=True) if own else fresh
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
        return fresh
    accepted = prompt_files.read(store.prompts(name))
    rejected = read_records(store.rejected(name), Rejected)
    finished = mark.finished >= count
    if not finished:
        accepted, rejected = accepted[: mark.accepted], rejected[: mark.rejected]
    return Pool(skill, recipe["writer"], accepted, rejected, mark.rounds, finished, begun=True)


def _mark(values: Mapping[str, Any], path: Path) -> Mark:
    try:
        return reader(Mark)(values)
    except ValueError as error:
        said = f"{path} is damaged (mark: {error}). Delete it and run its stage again."
        raise EngineError(said) from error


def _write_mark(store: Store, skill: str, recipe: Mapping[str, Any], mark: Mark) -> None:
    provenance.write(recipe_path(store, skill), recipe, mark=asdict(mark))
