"""What is asked of a language model, and one behind a server that speaks OpenAI's protocol. No
torch.
"""

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.errors import EngineError
from engine.models.llm_options import Options

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 60.0
BUSY = {408, 429, 500, 502, 503, 504}
"""HTTP status codes worth another attempt."""
KEYLESS = "none"
"""Sent where no key is wanted: without one, huggingface_hub sends the user's Hub token to any
server.
"""
NOT_UNDERSTOOD = (400, 422)
"""HTTP status codes for a request that the server cannot take as it is."""
CUT = {"length", "max_tokens", "max_output_tokens"}
"""What servers say, in any case, of an answer that ended because it was long enough."""
THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Fields in which servers hand over what a model thought before it answered."""

Messages = Sequence[dict[str, str]]
"""A conversation: {"role": "system" | "user" | "assistant", "content": ...}."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Temperature 0 is greedy; a `stop` string ends a text and is no part of
    it.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What an assistant answered."""

    text: str
    cut: bool = False
    """Whether it ended because it was as long as it may be."""
    has_thoughts: bool = False
    """Whether the model thought apart from the text; its thoughts count as tokens, too."""


def silent(_: str) -> None:
    """Nobody is told."""


def check_address(base_url: str) -> None:
    """Raises EngineError for what is no server's address."""
    if not base_url.startswith(("http://", "https://")):
        raise EngineError(
            f"{base_url!r} is no server's address. Give one like http://localhost:8000/v1."
        )


class Endpoint:
    """A chat model on a server that speaks OpenAI's protocol: vLLM, llama.cpp, Ollama, a hosted
    one.

    `api_key_variable` names the environment variable that holds the key; "" for servers that want
    none. The server is the user's choice alone: never make one from what a visitor typed. Raises
    EngineError when the address is none or the variable is not set.
    """

    def __init__(
        self, base_url: str, model: str, api_key_variable: str = "", timeout_seconds: float = 120.0
    ) -> None:
        from huggingface_hub import InferenceClient

        check_address(base_url)
        if api_key_variable and not os.environ.get(api_key_variable):
            raise EngineError(
                f"The environment variable {api_key_variable} holds no key. Set it before the "
                "start, or leave its name empty for a server that wants none."
            )
        key = os.environ[api_key_variable] if api_key_variable else KEYLESS
        self.base_url, self.model, self._options = base_url, model, Options()
        self._client = InferenceClient(base_url=base_url, api_key=key, timeout=timeout_seconds)

    def chat(
        self,
        messages: Messages,
        sampling: Sampling,
        seed: int,
        wait: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] = silent,
    ) -> Reply:
        """The assistant's reply. A busy server is asked again, `ATTEMPTS` times in all; then
        EngineError.

        An option that the server refuses by name is asked for by its other name, or left out, from
        then on: `tell` is told of each once.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._ask(messages, sampling, seed, tell)
            except _Busy as busy:
                if attempt == ATTEMPTS:
                    raise EngineError(
                        f"{self.base_url} did not answer in {ATTEMPTS} attempts ({busy}). "
                        "Start the server, or try again later."
                    ) from busy
                pause = busy.seconds or 2.0**attempt * random.uniform(0.5, 1.0)
                wait(min(pause, LONGEST_WAIT_SECONDS))
        raise AssertionError("unreachable")

    def _ask(
        self, messages: Messages, sampling: Sampling, seed: int, tell: Callable[[str], None]
    ) -> Reply:
        from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled

        values = {
            "max_tokens": sampling.max_tokens,
            "seed": seed,
            "top_p": sampling.top_p,
            "temperature": sampling.temperature,
            "stop": list(sampling.stop) or None,
        }
        try:
            while True:
                try:
                    # `extra_body`, since huggingface_hub knows no max_completion_tokens
                    answer: Any = self._client.chat_completion(
                        [dict(m) for m in messages],
                        model=self.model,
                        extra_body=self._options.translate(values),
                    )
                    return _reply(answer)
                except HfHubHTTPError as error:
                    if not (remedy := self._learned(error)):
                        raise
                    tell(f"{self.base_url} {remedy}.")
        except OfflineModeIsEnabled as error:
            raise EngineError(
                f"HF_HUB_OFFLINE is set, which also bars {self.base_url}. Unset it."
            ) from error
        except HfHubHTTPError as error:
            raise self._refused(error) from error
        except (HTTPError, OSError) as error:
            raise _Busy(type(error).__name__) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise EngineError(
                f"{self.base_url} answers, but not in OpenAI's protocol. Check the address; it "
                "mostly ends in /v1."
            ) from error

    def _learned(self, error: Any) -> str:
        """What is done about a refusal that names an option; "" for every other one."""
        if error.response.status_code not in NOT_UNDERSTOOD:
            return ""
        return self._options.refuse(error.response.text or "")

    def _refused(self, error: Any) -> Exception:
        status = error.response.status_code
        if status in BUSY:
            after = error.response.headers.get("Retry-After", "")
            return _Busy(f"HTTP {status}", float(after) if after.isdigit() else 0.0)
        if status in (401, 403):
            return EngineError(
                f"{self.base_url} refuses the key (HTTP {status}). Check its variable."
            )
        detail = " ".join((error.response.text or "").split())[:300]
        return EngineError(
            f"{self.base_url} refuses {self.model!r} (HTTP {status}: {detail}). "
            "Check the model's name and the options."
        )


def _reply(answer: Any) -> Reply:
    """Raises TypeError, LookupError or AttributeError for what is no chat completion."""
    choice = answer.choices[0]
    message = choice.message
    thought = any(getattr(message, name, None) for name in THOUGHTS)
    cut = str(choice.finish_reason).lower() in CUT
    return Reply(_text(message.content) or _text(getattr(message, "refusal", None)), cut, thought)


def _text(content: Any) -> str:
    """A message's content: a text, none, or a list of parts, of which thoughts and pictures are no
    text.
    """
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise TypeError(f"content is a {type(content).__name__}")
    return "".join(part if isinstance(part, str) else _part(part) for part in content)


def _part(part: Any) -> str:
    if part.get("type", "text") not in ("text", "output_text"):
        return ""
    text = part["text"]
    if not isinstance(text, str):
        raise TypeError(f"a part's text is a {type(text).__name__}")
    return text


class _Busy(Exception):
    """Worth another attempt, after `seconds` if the server named them."""

    def __init__(self, what: str, seconds: float = 0.0) -> None:
        super().__init__(what)
        self.seconds = seconds
