"""Any instruct model on this machine, through its chat template.
[Self-Instruct](https://arxiv.org/abs/2212.10560)
"""

from dataclasses import dataclass, field

from engine.models import checkpoints
from engine.prompts.instructions import lines_in, messages
from engine.prompts.writers import Request, Writer

LANGUAGE = "free"


@dataclass(frozen=True)
class Config:
    model: str = field(
        default="Qwen/Qwen2.5-1.5B-Instruct", metadata={"help": "A folder or Hub id"}
    )
    revision: str | None = field(
        default=None, metadata={"help": "Branch, tag or commit on the Hub"}
    )
    temperature: float = field(
        default=1.0, metadata={"help": "Lower is safer, duller", "range": (0.0, 2.0)}
    )
    top_p: float = field(
        default=1.0, metadata={"help": "Share of probability kept", "range": (0.01, 1.0)}
    )
    max_tokens: int = field(
        default=3072, metadata={"help": "Longest answer, tokens", "range": (1, 100_000)}
    )


def check(config: Config) -> None:
    """Raises EngineError for a model that is neither a folder nor a name on the Hub."""
    checkpoints.local_folder(config.model)


def writer(config: Config) -> Writer:
    from engine.models import causal_lm
    from engine.models.llm import Sampling

    model = causal_lm.load(config.model, config.revision)
    sampling = Sampling(config.temperature, config.top_p, config.max_tokens)

    def write(request: Request) -> list[str]:
        return lines_in(model.chat([messages(request)], [request.seed], sampling)[0], request)

    return write
