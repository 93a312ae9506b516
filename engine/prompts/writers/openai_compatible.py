"""A chat model behind an address that speaks OpenAI's protocol.
[API](https://platform.openai.com/docs/api-reference/chat)

vLLM, llama.cpp, Ollama, Hugging Face (https://router.huggingface.co/v1) or any other. The key is
read from an environment variable and never written anywhere. Address and key are the server's
owner's to choose, in a recipe or in the environment (SELMA_LLM_URL, SELMA_LLM_KEY), and in no form:
who may type an address would be sent the key.
"""

import os
from dataclasses import dataclass, field

from engine.core.errors import EngineError
from engine.models import llm
from engine.prompts.instructions import lines_in, messages
from engine.prompts.writers import Request, Writer

USUAL_URL = "http://localhost:8000/v1"
KEY = "SELMA_LLM_KEY"
LANGUAGE = "free"


@dataclass(frozen=True)
class Config:
    base_url: str = field(
        default_factory=lambda: os.environ.get("SELMA_LLM_URL") or USUAL_URL,
        metadata={"help": "The server's address", "in_form": False},
    )
    model: str = field(default="", metadata={"help": "The model's name on that server"})
    api_key_variable: str = field(
        default_factory=lambda: KEY if os.environ.get(KEY) else "",
        metadata={
            "help": "Name of the environment variable that holds the key; empty if none is needed",
            "in_form": False,
        },
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
    timeout_seconds: float = field(
        default=120.0, metadata={"help": "For one answer", "range": (1.0, 3600.0)}
    )


def check(config: Config) -> None:
    """Raises EngineError for no model's name, and for what is no server's address."""
    llm.check_address(config.base_url)
    if not config.model.strip():
        listed = f"{config.base_url.rstrip('/')}/models"
        raise EngineError(
            "The writer openai_compatible needs the name of a model on "
            f"{config.base_url}. Set model in its options; the server lists its "
            f"models at {listed}."
        )


def writer(config: Config) -> Writer:
    check(config)
    endpoint = llm.Endpoint(
        config.base_url, config.model, config.api_key_variable, config.timeout_seconds
    )
    sampling = llm.Sampling(config.temperature, config.top_p, config.max_tokens)

    def write(request: Request) -> list[str]:
        reply = endpoint.chat(messages(request), sampling, request.seed, tell=request.tell)
        return lines_in(reply, request)

    return write
