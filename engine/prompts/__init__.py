"""Stage 1: a language model writes prompts for each skill, and only new ones of that skill are
kept.

Each round shows the writer a few examples, some of them the skill's seeds and some accepted
prompts, at a set ratio, and asks for more. Every line is cleaned, held to the skill's rules, kept
clear of the evaluation prompts and of everything too like it
([SELMA](https://arxiv.org/abs/2403.06952); the ratio, the rules and the evaluation prompts are
ours). Accepted lines are examples from the next round on; refused ones keep their reason.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from types import ModuleType
from typing import Any

from engine.core import plugins, provenance
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.hashing import derived_seed
from engine.core.store import Store
from engine.models import checkpoints
from engine.prompts import collection as pools
from engine.prompts import shortfall, skills, writers
from engine.prompts.checks import Language, checker, clean
from engine.prompts.collection import Pool
from engine.prompts.writers import EMPTY, NoAnswer, Request, Writer

USUAL_LANGUAGE: Language = "storybook"
"""Of writers that name none."""


@dataclass(frozen=True)
class Config:
    skills: tuple[str, ...] = field(
        metadata={
            "help": "Skills to write for; files of assets/skills",
            "grows": True,
            "recorded": "a file each",
        }
    )
    writer: str = field(
        default="storybook", metadata={"help": "Who writes; a file of engine/prompts/writers"}
    )
    writer_options: dict[str, Any] = field(
        default_factory=dict, metadata={"recorded": "as the writer's"}
    )
    count: int = field(
        default=200,
        metadata={
            "help": "Prompts a skill",
            "range": (1, 100_000),
            "most_in_app": 10_000,
            "recorded": "by how many lines there are",
        },
    )
    examples_per_request: int = field(
        default=3, metadata={"help": "Examples the writer sees", "range": (1, 20)}
    )
    lines_per_request: int = field(
        default=20, metadata={"help": "Lines asked for at once", "range": (1, 200)}
    )
    seed_share: float = field(
        default=0.5,
        metadata={
            "help": "Chance that an example is one of the skill's seeds, not an accepted prompt",
            "range": (0.0, 1.0),
        },
    )
    seed: int = field(
        default=0, metadata={"help": "Another seed, other prompts", "range": (0, 2**31 - 1)}
    )
    max_rounds: int = field(
        default=300,
        metadata={
            "help": "Requests a skill at most",
            "range": (1, 100_000),
            "most_in_app": 3_000,
            "decides": False,
            "why": "how long it goes on, and not which line comes next",
        },
    )
    language: Language | None = field(
        default=None,
        metadata={
            "help": "storybook: lines must be Storybook English and keep the skill's rules; free: only "
            "their length and numbers are held to the skill. Not said: as the writer writes"
        },
    )
    replace: bool = field(
        default=False,
        metadata={
            "help": "Write anew what other settings wrote",
            "decides": False,
            "why": "what to do with older work",
        },
    )

    def __post_init__(self) -> None:
        """What is not said is said here, so that whatever keeps or compares a Config has the
        language itself.
        """
        if self.language is None:
            object.__setattr__(self, "language", language_of(self.writer))


def language_of(writer: str) -> Language:
    """What a writer's lines are held to where nobody says; of an unknown one Storybook's, and
    `check` refuses it.
    """
    if writer not in plugins.names(writers):
        return USUAL_LANGUAGE
    language: Language = getattr(plugins.load(writers, writer), "LANGUAGE", USUAL_LANGUAGE)
    return language


def run(config: Config, store: Store) -> Iterator[Event]:
    """Write `count` prompts a skill to prompts/<skill>.jsonl, fewer if `max_rounds` do not yield
    them.

    Raises EngineError for an unknown skill, writer or option, for prompts of other settings, and,
    with the commonest reason and its remedy, when round after round brings nothing to keep.
    """
    check(config)
    plugin, options = _plugin(config)
    writer, total, done = None, config.count * len(config.skills), 0
    short: dict[str, dict[str, int]] = {}
    own: list[str] = []
    for skill in [skills.load(name) for name in config.skills]:
        recipe = _recipe(config, options, skill)
        pool = pools.load(store, skill, recipe, config.count, config.replace)
        own += [skill.name] if pool.own else []
        if not pool.finished and pool.rounds < config.max_rounds:
            shortfall.check(pool, recipe, config.count, shortfall.unanswered(pool))
            writer = writer or plugin.writer(options)
            for event in _write(config, store, pool, recipe, writer):
                yield replace(event, done=done + event.done, total=total)
        done += min(len(pool.accepted), config.count)
        if not pool.finished:
            shortfall.check_kept(pool, recipe)
            short[skill.name] = pool.counts()
            text = shortfall.text(pool, recipe, config.count)
            yield Event(text, done, total, data={"skill": skill.name, "counts": pool.counts()})
    text = f"{done} prompts for {', '.join(config.skills)}"
    text += f"; too few for {', '.join(short)}" if short else ""
    text += f"; your own for {', '.join(own)}, used as they are" if own else ""
    yield Event(f"{text}.", done, total, "done", {"short": short})


def check(config: Config) -> None:
    """Raises EngineError for skills that are not there, and for a writer that cannot write as it is
    set.
    """
    if not config.skills:
        raise EngineError("There is nothing to write for. Name at least one skill.")
    for name in config.skills:
        skills.load(name)
    plugin, options = _plugin(config)
    if refuse := getattr(plugin, "check", None):
        refuse(options)


def _plugin(config: Config) -> tuple[ModuleType, Any]:
    """The writer and its options."""
    plugin = plugins.load(writers, config.writer)
    where = f"options of the writer {config.writer}"
    return plugin, build(plugin.Config, config.writer_options, where)


def _write(
    config: Config, store: Store, pool: Pool, recipe: dict[str, Any], writer: Writer
) -> Iterator[Event]:
    """Rounds until the pool is full, each saved before it is told. Raises EngineError when they
    bring nothing.
    """
    assert config.language
    check = checker(pool.skill, config.language)
    pools.begin(store, pool, recipe)
    unanswered = shortfall.unanswered(pool)
    while not pool.finished and pool.rounds < config.max_rounds:
        shortfall.check(pool, recipe, config.count, unanswered)
        mark, told = pool.mark(), list[str]()
        lines = _asked(writer, _request(config, pool, told.append), pool)
        unanswered = 0 if lines else unanswered + 1
        for line in lines:
            text = clean(line)
            pool.take(text, check(text))
            if len(pool.accepted) == config.count:
                pool.finished = True
                break
        pool.rounds += 1
        pools.save(
            store,
            pool,
            recipe,
            replace(mark, finished=config.count) if pool.finished else pool.mark(),
        )
        for sentence in told:
            yield Event(f"{pool.skill.name}: {sentence}", len(pool.accepted))
        yield Event(
            f"{pool.skill.name}: {len(pool.accepted)} of {config.count} prompts",
            len(pool.accepted),
            data={
                "skill": pool.skill.name,
                "round": pool.rounds,
                "counts": pool.counts(),
                "accepted": [asdict(prompt) for prompt in pool.accepted[mark.accepted :]],
                "rejected": [asdict(line) for line in pool.rejected[mark.rejected :]],
            },
        )


def _asked(writer: Writer, request: Request, pool: Pool) -> list[str]:
    """The writer's lines; where there are none the pool keeps the reason."""
    try:
        if lines := writer(request):
            return lines
        pool.no_answer(EMPTY, "")
    except NoAnswer as none:
        pool.no_answer(none.reason, clean(none.text))
    return []


def _request(config: Config, pool: Pool, tell: Callable[[str], None]) -> Request:
    """A round's request depends on the seed, its number and the lines accepted before it, and on
    nothing else.
    """
    seed = derived_seed(config.seed, pool.skill.name, pool.rounds)
    examples = _examples(config, pool, random.Random(seed))
    return Request(pool.skill, examples, config.lines_per_request, seed, tell)


def _examples(config: Config, pool: Pool, rng: random.Random) -> tuple[str, ...]:
    """Different texts, each from the seeds with chance `seed_share`; from the other side where one
    has run out.
    """
    seeds, written = list(pool.skill.examples), [prompt.text for prompt in pool.accepted]
    chosen = []
    for _ in range(min(config.examples_per_request, len(seeds) + len(written))):
        from_seeds = rng.random() < config.seed_share
        source = (seeds or written) if from_seeds else (written or seeds)
        chosen.append(source.pop(rng.randrange(len(source))))
    return tuple(chosen)


def _recipe(config: Config, writer_options: Any, skill: skills.Skill) -> provenance.Identity:
    """What decides the lines. The count and the number of rounds only decide how many there are."""
    own, unheard = provenance.deciding(writer_options), provenance.defaults(type(writer_options))
    options = {f"writer's {name}": value for name, value in own.items()} | {
        "writer's sha256": checkpoints.local_fingerprint(own.get("model", ""))
    }
    told = {
        f"skill's {name}": list(value) if isinstance(value, tuple) else value
        for name, value in asdict(skill).items()
    }
    return provenance.Identity(
        {**provenance.deciding(config), **options, **told},
        provenance.defaults(type(config))
        | {f"writer's {name}": value for name, value in unheard.items()},
    )
