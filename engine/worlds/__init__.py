"""Worlds: what belongs together for one kind of picture. To add one, add a file with what `World`
lists.

A world knows its base models, its skills, who writes its prompts and how their lines are checked,
which prompts evaluate a model, which judges read its pictures, what the ceiling is drawn from, and
where the app starts. Everybody else asks the world: `of` says which one a run belongs to. What
makes sense in one world alone, its judge, its writer, the scripts that train its models, lies in
a room of the world's name, `engine/<world>`; the models that ship are listed in
`assets/<world>/models.json`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from engine.core import plugins
from engine.core.bars import Bar
from engine.core.errors import EngineError
from engine.core.types import Prompt

if TYPE_CHECKING:
    from PIL.Image import Image

SKILLS = Path(__file__).parents[2] / "assets" / "skills"
"""A folder of skills for each world."""
DEFAULT = "storybook"
"""Where nobody names a base, a writer or a judge, this world's own are used. Nothing else outside
its room names it.
"""
OTHERS = "photographs"
"""The world of every base that no other world calls its own."""


class Refusal(NamedTuple):
    """Why a line is refused, "kind: detail", and the nearest text that would not be, if there is
    one.
    """

    reason: str
    nearest: str = ""


Check = Callable[[str], Refusal | None]
"""From a clean line to why it is refused; None for a line that is not."""
EVALUATION = Refusal("evaluation: an evaluation prompt asks for the same picture")


@dataclass(frozen=True)
class Misreading:
    """Why a world's judge cannot read a text, and the nearest text that it can read."""

    reason: str
    nearest: str
    known_words: tuple[str, ...]
    """The words of the text that the world knows."""


@dataclass(frozen=True)
class Measurements:
    """What was measured in a world and of the models that ship for it, as its guides tell it."""

    guide: Path
    """About the world; the table of its bars stands there."""
    bars: Mapping[str, Bar]
    values_file: Path
    """JSON: the number of each bar by its name, and under `n` over how many it was taken."""
    results: str
    """The recipe in assets/results that compares all arms; its results lie beside it."""
    searches: Mapping[str, Mapping[str, str]]
    """Recipe in assets/results that searched -> arm -> what the arm is, in words."""


class World(Protocol):
    """What a world's module holds. A function for what the world lacks raises an EngineError."""

    TITLE: str
    """As people read it."""
    VERSION: str
    """Recorded with the pictures that the world draws."""
    LANGUAGE: str
    """Of its prompts: its own, or "free" where nothing reads them by rules."""
    BASES: tuple[str, ...]
    """Names of base models that ship for it, the usual one first."""
    RECIPE: str
    """The recipe in assets/recipes to begin with."""
    SKILLS: Path
    """The folder of its skills."""
    WRITER: str
    """The prompt writer to begin with."""
    JUDGES: tuple[str, ...]
    """Judges that read its pictures, the usual one first; often there is none."""
    EXAMPLE: str
    """A prompt that shows what there is to say."""
    GUIDANCE: float
    """The guidance scale at which its usual base paints well."""
    HAS_CEILING: bool
    """Whether `draw` can show what a prompt asks for."""
    MEASUREMENTS: Measurements | None
    """None where nothing was measured."""

    def line_check(self, rules: Mapping[str, Any], where: str) -> Check:
        """What lines of its language are held to: a skill's rules, and that no evaluation prompt
        asks for the same picture. Raises EngineError, naming `where`, for rules that make no sense.
        """

    def misreading(self, text: str) -> Misreading | None:
        """Why its judges cannot read a text; None where they can, and where nobody judges."""

    def evaluation_prompts(self, split: str, skills: Sequence[str]) -> dict[str, list[Prompt]]:
        """Prompts that no training prompt may repeat, by skill; no `skills`: of those that are
        trained. Raises EngineError for an unknown split or skill, and where there are none.
        """

    def evaluation_texts(self) -> frozenset[str]:
        """Every text that models are evaluated on, of all splits and skills."""

    def prompts_to_try(self, written: Sequence[str]) -> Sequence[str]:
        """Prompts to look at that no expert learned from, or else those that the run has
        `written`.
        """

    def draw(self, text: str, seed: int) -> "Image":
        """A picture that the text is true of, the same for the same seed. Raises EngineError where
        nothing can be drawn.
        """

    def pretraining_pair(self, seed: int, number: int) -> tuple["Image", str]:
        """A picture with a caption as noisy as those that its base was trained on, for a control.
        Raises EngineError where nothing can be drawn.
        """


def names() -> list[str]:
    """Of every world whose file loads."""
    import engine.worlds as package

    return plugins.offered(package)


def load(name: str) -> World:
    """Raises EngineError for a name that no file has."""
    import engine.worlds as package

    return cast(World, plugins.load(package, name))


def usual() -> World:
    """The world of those who name no other."""
    return load(DEFAULT)


def world_of(base: str, judges: Iterable[str] = ()) -> World:
    """The world of a run: whose base it paints with, or else whose judge reads its pictures.

    A base from elsewhere that is evaluated by a world's judge was trained for that world.
    """
    worlds = [load(name) for name in names()]
    for world in worlds:
        if base in world.BASES:
            return world
    judging = set(judges)
    for world in worlds:
        if judging.intersection(world.JUDGES):
            return world
    return load(OTHERS)


def languages() -> tuple[str, ...]:
    """What the lines of a prompt writer may be held to: the language of every world, each once, the
    usual world's first.
    """
    found = dict.fromkeys([usual().LANGUAGE])
    for world in map(load, names()):
        found[world.LANGUAGE] = None
    return tuple(found)


def world_of_language(language: str) -> World:
    """The world whose prompts are in that language."""
    for world in map(load, names()):
        if world.LANGUAGE == language:
            return world
    raise EngineError(f"No world speaks {language!r}. Choose free, or a world's own language.")


def judge_of(world: World) -> str:
    """The judge that reads a world's pictures where nobody names one, "" where there is none."""
    return world.JUDGES[0] if world.JUDGES else ""


def world_of_judge(judge: str) -> World | None:
    """The world that the judge reads; None for a judge of no world, who reads them all."""
    for world in map(load, names()):
        if judge in world.JUDGES:
            return world
    return None


def usual_base() -> str:
    return usual().BASES[0]


def usual_judge() -> str:
    return judge_of(usual())
