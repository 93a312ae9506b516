"""Stage 1: a language model writes prompts for each skill, and only new ones of that skill are
kept.

Each round shows the writer a few examples, some of them the skill's seeds and some accepted
prompts, at a set ratio, and asks for more. Every line is cleaned, held to the skill's rules, kept
clear of the evaluation prompts and of everything too like it
([SELMA](https://arxiv.org/abs/2403.06952); the ratio, the rules and the evaluation prompts are
ours). Accepted lines are examples from the next round on; refused ones keep their reason.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from engine import worlds
from engine.core import plugins, provenance
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.options import option
from engine.core.plugins import PluginChoice
from engine.core.store import Store
from engine.models import checkpoints
from engine.prompts import collection, shortfall, skills, writers

if TYPE_CHECKING:
    Language = str
else:  # which there are is known once the worlds are: forms and recipes offer exactly these
    Language = Literal[worlds.languages()]


@dataclass(frozen=True)
class Config:
    skills: tuple[str, ...] = option(
        help="Skills to write for; files of assets/skills/<world>",
        grows=True,
        recorded="a file each",
    )
    writer: str = option(
        worlds.usual().WRITER,
        "Who writes; the name of a prompt writer",
        family=writers,
        options_in="writer_options",
    )
    writer_options: dict[str, Any] = option(
        factory=dict, help="The writer's own options", recorded="as the writer's"
    )
    count: int = option(
        200,
        "Prompts per skill",
        range=(1, 100_000),
        most_in_app=10_000,
        recorded="by how many lines there are",
    )
    examples_per_request: int = option(3, "Examples the writer sees", range=(1, 20))
    lines_per_request: int = option(20, "Lines asked for at once", range=(1, 200))
    seed_share: float = option(
        0.5,
        "Chance that an example is one of the skill's seeds, not an accepted prompt",
        range=(0.0, 1.0),
    )
    seed: int = option(0, "Another seed, other prompts", range=(0, 2**31 - 1))
    max_rounds: int = option(
        300,
        "Requests per skill at most",
        range=(1, 100_000),
        most_in_app=3_000,
        decides=False,
        why="how long it goes on, and not which line comes next",
    )
    language: Language | None = option(
        None,
        "A world's own: lines must be in its language and keep the skill's rules; "
        "free: only their length and numbers are held to the skill. Not said: as the writer "
        "writes",
    )
    replace: bool = option(
        False,
        "Write anew what other settings wrote",
        decides=False,
        why="what to do with older work",
    )

    def __post_init__(self) -> None:
        """A language that is not said becomes the writer's here, so that whatever keeps or compares
        a Config has the language itself.
        """
        if self.language is None:
            object.__setattr__(self, "language", language_of(self.writer))

    @property
    def writer_choice(self) -> PluginChoice:
        return plugins.choice_of(self, "writer")


def language_of(writer: str) -> Language:
    """What a writer's lines are held to where nobody says; of an unknown one the usual world's, and
    `check` refuses it.
    """
    usual = worlds.usual().LANGUAGE
    if plugins.fault(writers, writer):
        return usual
    language: Language = getattr(plugins.load(writers, writer), "LANGUAGE", usual)
    return language


def run(config: Config, store: Store) -> Iterator[Event]:
    """Write `count` prompts per skill to prompts/<skill>.jsonl, fewer if `max_rounds` do not yield
    them.

    Raises EngineError for an unknown skill, writer or option, for prompts of other settings, and,
    with the commonest reason and its remedy, when round after round brings nothing to keep.
    """
    from engine.prompts import rounds

    check(config)
    writer: writers.Writer | None = None
    total, done = config.count * len(config.skills), 0
    short: dict[str, dict[str, int]] = {}
    users_own: list[str] = []
    for name in config.skills:
        skill = skills.load(name)
        recipe = _recipe(config, skill)
        lines = collection.load(store, skill, recipe, config.count, config.replace)
        if lines.is_users_own:
            users_own.append(name)
        if not lines.finished and lines.rounds < config.max_rounds:
            shortfall.check(lines, recipe, config.count, shortfall.unanswered_rounds(lines))
            writer = writer or config.writer_choice.open()
            for event in rounds.write(config, store, lines, recipe, writer):
                yield replace(event, done=done + event.done, total=total)
        done += min(len(lines.accepted), config.count)
        if not lines.finished:
            shortfall.check_kept(lines, recipe)
            short[name] = lines.counts()
            text = shortfall.text(lines, recipe, config.count)
            yield Event(text, done, total, data={"skill": name, "counts": lines.counts()})
    text = _summary(config, done, short, users_own)
    yield Event(text, done, total, "done", {"short": short})


def _summary(
    config: Config, done: int, short: dict[str, dict[str, int]], users_own: list[str]
) -> str:
    text = f"{done} prompts for {', '.join(config.skills)}"
    if short:
        text += f"; too few for {', '.join(short)}"
    if users_own:
        text += f"; your own for {', '.join(users_own)}, used as they are"
    return f"{text}."


def check(config: Config) -> None:
    """Raises EngineError for skills that are not there, and for a writer that cannot write as it is
    set.
    """
    if not config.skills:
        raise EngineError("There is nothing to write for. Name at least one skill.")
    for name in config.skills:
        skills.load(name)
    config.writer_choice.check()


def _recipe(config: Config, skill: skills.Skill) -> provenance.Identity:
    """What decides the lines. The count and the number of rounds only decide how many there are."""
    decided, defaults = provenance.deciding_options(config), provenance.defaults(type(config))
    writer = config.writer_choice
    identity = writer.identity()
    for name, value in identity.items():
        decided[f"writer's {name}"] = value
    for name, value in identity.defaults.items():
        defaults[f"writer's {name}"] = value
    decided["writer's sha256"] = checkpoints.local_fingerprint(writer.model)
    for name, value in asdict(skill).items():
        decided[f"skill's {name}"] = list(value) if isinstance(value, tuple) else value
    return provenance.Identity(decided, defaults)
