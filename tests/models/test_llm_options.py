"""What servers answer beside a plain text, and options that they refuse: asked of a real server on
the loopback.
"""
import json

import pytest

from engine.core.errors import EngineError
from engine.models.llm import Endpoint, Reply, Sampling
from engine.models.llm_options import refused_option
from tests.chat_server import answer, refusal, serving

ASK = [{"role": "user", "content": "more balls"}]
SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_tokens=12, stop=("\n\n",))
ALL = {"max_tokens", "temperature", "top_p", "seed", "stop"}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with serving() as server:
        yield server


def options(body):
    return set(body) - {"model", "messages", "stream"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            answer([{"type": "text", "text": "a "}, {"type": "text", "text": "ball"}]),
            Reply("a ball"),
        ),
        (answer(["a ", {"type": "output_text", "text": "ball"}]), Reply("a ball")),
        (
            answer(
                [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    {"type": "text", "text": "a ball"},
                ]
            ),
            Reply("a ball"),
        ),
        (answer([]), Reply("")),
        (answer(""), Reply("")),
        (answer(None), Reply("")),
        (answer(None, finish_reason="length"), Reply("", cut=True)),
        (answer("a ball", finish_reason="MAX_TOKENS"), Reply("a ball", cut=True)),
        (
            answer(None, finish_reason="length", reasoning_content="Hm, balls"),
            Reply("", cut=True, has_thoughts=True),
        ),
        (answer("a ball", reasoning="Hm, balls"), Reply("a ball", has_thoughts=True)),
        (answer("", reasoning_content=""), Reply("")),
        (answer(None, refusal="I cannot help with balls."), Reply("I cannot help with balls.")),
    ],
)
def test_a_reply_is_the_text_and_says_how_it_ended(server, given, expected):
    server.answers = [given]
    assert Endpoint(server.url, "tiny").chat(ASK, SAMPLING, seed=1) == expected


def strict(unsupported):
    """A server that knows none of `unsupported`, and says so one by one as OpenAI's does."""

    def answered(body):
        for name in unsupported:
            if name not in body:
                continue
            if name == "max_tokens":
                return refusal(
                    "Unsupported parameter: 'max_tokens' is not supported with this model. "
                    "Use 'max_completion_tokens' instead.",
                    param=name,
                    code="unsupported_parameter",
                )
            return refusal(
                f"Unsupported value: '{name}' does not support 0.7 with this model. Only "
                "the default (1) value is supported.",
                param=name,
                code="unsupported_value",
            )
        return answer("a ball")

    return answered


def test_a_server_that_refuses_max_tokens_is_asked_by_the_newer_name_from_then_on(server):
    server.answers, told = strict(["max_tokens"]), []
    endpoint = Endpoint(server.url, "tiny")
    for seed in (1, 2, 3):
        assert endpoint.chat(ASK, SAMPLING, seed, tell=told.append).text == "a ball"
    bodies = [body for *_, body in server.seen]
    assert [("max_tokens" in body, body.get("max_completion_tokens")) for body in bodies] == [
        (True, None),
        (False, 12),
        (False, 12),
        (False, 12),
    ]
    assert [options(body) - {"max_completion_tokens"} for body in bodies[1:]] == [
        ALL - {"max_tokens"}
    ] * 3
    assert told == [
        f"{server.url} takes no max_tokens; it is asked with max_completion_tokens from here on."
    ]


@pytest.mark.parametrize("name", sorted(ALL - {"max_tokens"}))
def test_an_option_that_a_server_does_not_know_is_left_out_alone_and_told_once(server, name):
    server.answers, told = strict([name]), []
    endpoint = Endpoint(server.url, "tiny")
    for seed in (1, 2):
        endpoint.chat(ASK, SAMPLING, seed, tell=told.append)
    assert [options(body) for *_, body in server.seen] == [ALL, ALL - {name}, ALL - {name}]
    assert told == [f"{server.url} takes no {name}; it is asked without from here on."]


def test_the_strictest_server_is_asked_for_a_length_and_nothing_else(server):
    server.answers = strict(sorted(ALL))
    Endpoint(server.url, "tiny").chat(ASK, SAMPLING, seed=1)
    assert len(server.seen) == 6 and options(server.seen[-1][2]) == {"max_completion_tokens"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            refusal(
                "max_tokens is too large: 3072. This model supports at most 2048 completion "
                "tokens.",
                param="max_tokens",
                code="invalid_value",
            ),
            "too large: 3072",
        ),
        (
            refusal(
                "'max_tokens' or 'max_completion_tokens' is too large: 12. This model's maximum "
                "context length is 8 tokens.",
                param="max_tokens",
            ),
            "maximum context",
        ),
        (refusal("temperature must be between 0 and 1", param="temperature"), "between 0 and 1"),
        (
            refusal("The model `tiny` does not exist", status=404, code="model_not_found"),
            "does not exist",
        ),
        (refusal("Unsupported country"), "Unsupported country"),
    ],
)
def test_a_value_that_a_server_refuses_is_for_the_user_to_change(server, given, sentence):
    server.answers = [given]
    with pytest.raises(EngineError, match=sentence):
        Endpoint(server.url, "tiny").chat(ASK, SAMPLING, seed=1)
    assert len(server.seen) == 1


def test_nobody_is_asked_without_a_limit(server):
    """A server that knows neither name of the longest answer is refused, and not asked for as much
    as it likes.
    """
    server.answers = lambda body: next(
        refusal(f"Unrecognized request argument supplied: {name}")
        for name in ("max_tokens", "max_completion_tokens")
        if name in body
    )
    with pytest.raises(EngineError, match="supplied: max_completion_tokens"):
        Endpoint(server.url, "tiny").chat(ASK, SAMPLING, seed=1)
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (
            {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "seed"],
                        "msg": "Extra inputs are not permitted",
                        "input": {"temperature": 1},
                    }
                ]
            },
            "seed",
        ),
        (
            {
                "error": {
                    "message": "property 'seed' is unsupported",
                    "type": "invalid_request_error",
                }
            },
            "seed",
        ),
        ({"error": "Argument not supported on this model: stop"}, "stop"),
        (
            {
                "object": "error",
                "message": "`temperature` and `top_p` cannot both be specified for this model",
            },
            "top_p",
        ),
        ({"message": "Unsupported fields in the request: {'stop'}"}, "stop"),
        (
            {
                "error": {
                    "message": "Unknown parameter",
                    "param": "logprobs",
                    "code": "unknown_parameter",
                }
            },
            "",
        ),
        ({"error": {"message": None, "param": 5, "code": 5}}, ""),
        ([], ""),
        ("unsupported: a stopwatch", ""),
    ],
)
def test_the_option_is_known_by_a_field_of_its_own_or_by_its_name(body, name):
    assert refused_option(json.dumps(body), sorted(ALL)) == name


@pytest.mark.parametrize("body", ["", "<html>unsupported</html>", "[" * 100_000, "{"])
def test_bodies_that_say_nothing(body):
    assert refused_option(body, sorted(ALL)) == ""
