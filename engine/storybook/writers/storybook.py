"""The small language model that ships: it continues a list of example lines.
[GPT-2](https://openai.com/index/better-language-models/)

No instruction reaches it, only the examples, one a line; what they have in common is the skill.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.core.options import option
from engine.models import checkpoints
from engine.storybook import WRITER_TEMPERATURE


class Request(Protocol):
    """What it reads of a request for lines; see engine/prompts/writers."""

    @property
    def examples(self) -> tuple[str, ...]: ...

    @property
    def count(self) -> int: ...

    @property
    def seed(self) -> int: ...


@dataclass(frozen=True)
class Config:
    model: str = option(
        "storybook-writer", "A folder or Hub id of a causal language model that continues lines"
    )
    temperature: float = option(WRITER_TEMPERATURE, "Lower is safer, duller", range=(0.0, 2.0))
    top_p: float = option(1.0, "Share of probability kept", range=(0.01, 1.0))
    max_tokens: int = option(96, "Longest line, in tokens", range=(1, 1000))


def check(config: Config) -> None:
    """Raises EngineError for a model that is neither a folder nor a name on the Hub."""
    checkpoints.local_folder(config.model)


def writer(config: Config) -> Callable[[Request], list[str]]:
    """Each line asked for is one continuation of its own, in one batch, with a seed of its own."""
    from engine.models import causal_lm
    from engine.models.llm import Sampling

    model = causal_lm.load(config.model)
    sampling = Sampling(config.temperature, config.top_p, config.max_tokens, stop=("\n",))

    def write(request: Request) -> list[str]:
        examples = "".join(f"{example}\n" for example in request.examples)
        seeds = [request.seed + number for number in range(request.count)]
        return model.complete([examples] * request.count, seeds, sampling)

    return write
