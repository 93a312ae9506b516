"""Texts from a local model and from a server that speaks OpenAI's protocol, started here on the loopback."""
import copy
import json

import pytest
import torch

from engine.core.errors import EngineError
from engine.models import causal_lm, checkpoints
from engine.models.llm import ATTEMPTS, Endpoint, Reply, Sampling
from tests.chat_server import answer, serving
from tests.tiny_models import tiny_writer

SHORT = Sampling(max_tokens=12)
ASK = [{"role": "user", "content": "more balls"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_writer(tmp_path_factory.mktemp("writers") / "tiny", chat=True)


@pytest.fixture(scope="module")
def model(folder):
    return causal_lm.load(str(folder), device="cpu")


# a local model

def test_a_text_depends_on_its_own_seed_and_prompt(model):
    first, second, third = model.complete(["a red ", "two balls at ", "a red "], [1, 2, 3], SHORT)
    assert first != third and (first, third) == tuple(model.complete(["a red ", "a red "], [1, 3], SHORT))
    assert model.complete(["two balls at "], [2], SHORT) == [second]


def test_drawing_leaves_the_global_random_state_alone(model):
    before = torch.get_rng_state()
    model.complete(["a "], [1], SHORT)
    assert torch.equal(before, torch.get_rng_state())


def test_temperature_nought_is_greedy(model):
    greedy = Sampling(temperature=0, max_tokens=8)
    texts = model.complete(["a red "] * 2, [1, 2], greedy)
    ids = model.tokenizer(["a red "], return_tensors="pt").input_ids
    expected = model.model.generate(ids, max_new_tokens=8, do_sample=False)
    assert texts == [model.tokenizer.decode(expected[0, ids.shape[1]:], skip_special_tokens=True)] * 2


def test_draws_follow_the_models_probabilities(model):
    """The share of every first token over 3,000 seeds against softmax, with temperature and top_p."""
    sampling, count = Sampling(temperature=2.0, top_p=0.9, max_tokens=1), 3000
    ids = model.tokenizer(["a red "], return_tensors="pt").input_ids
    with torch.no_grad():
        probabilities = (model.model(ids).logits[0, -1] / sampling.temperature).softmax(0)
    ranked = probabilities.sort(descending=True)
    kept = ranked.indices[: int((ranked.values.cumsum(0) < sampling.top_p).sum()) + 1]
    expected = torch.zeros_like(probabilities).index_copy_(0, kept, probabilities[kept])
    expected /= expected.sum()
    processor = causal_lm._SeededSampling(range(count), sampling)
    with torch.no_grad():
        drawn = processor(ids, model.model(ids).logits[0, -1].expand(count, -1)).argmax(1)
    shares = drawn.bincount(minlength=len(expected)) / count
    assert 3 < len(kept) < 200 and set(drawn.tolist()) <= set(kept.tolist())
    assert (shares - expected).abs().max() < 4 * (0.25 / count) ** 0.5


def test_a_stop_string_ends_a_text_and_is_not_part_of_it(model):
    whole = model.complete(["a red "], [5], Sampling(max_tokens=40))[0]
    stop = whole[10:12]
    cut = model.complete(["a red "] * 2, [5, 6], Sampling(max_tokens=40, stop=(stop, "never so")))
    assert cut[0] == whole.split(stop)[0] and stop not in cut[1]


def test_it_stops_computing_at_the_stop_string(model):
    whole = model.complete(["a red "], [5], Sampling(max_tokens=40))[0]
    calls = []
    hook = model.model.register_forward_hook(lambda *_: calls.append(1))
    model.complete(["a red "], [5], Sampling(max_tokens=40, stop=(whole[3],)))
    hook.remove()
    assert len(calls) <= 5


def test_a_conversation_goes_through_the_chat_template(model):
    text, = model.complete(["user: more balls\nassistant: "], [1], SHORT, special_tokens=False)
    assert model.chat([ASK], [1], SHORT) == [Reply(text, cut=True)]


def test_a_reply_ends_at_its_end_token_and_keeps_the_marks_of_thoughts(model, monkeypatch):
    """Some tokenizers count [THINK] among their special tokens, which are shown nowhere else."""
    tokenizer = copy.deepcopy(model.tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["[THINK]"]})
    monkeypatch.setattr(model, "tokenizer", tokenizer)
    think, ball = tokenizer.convert_tokens_to_ids(["[THINK]", "b"])
    end = tokenizer.eos_token_id
    rows = torch.tensor([[think, ball, end, tokenizer.pad_token_id], [think, ball, ball, ball]])
    monkeypatch.setattr(model, "_generated", lambda *_, **__: rows)
    replies = model.chat([ASK, ASK], [1, 2], Sampling(max_tokens=4))
    assert replies == [Reply("[THINK]b"), Reply("[THINK]bbb", cut=True)]


def test_too_long_and_template_less_end_in_the_remedy(model, tmp_path):
    with pytest.raises(EngineError, match="reads and writes 2048 tokens"):
        model.complete(["a" * 2040], [1], SHORT)
    plain = causal_lm.load(str(tiny_writer(tmp_path / "plain")), device="cpu")
    with pytest.raises(EngineError, match="no chat template"):
        plain.chat([ASK], [1], SHORT)


def test_what_is_no_model_ends_in_the_remedy(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(checkpoints.SHIPPED, "storybook-writer", tmp_path / "assets/storybook/writer")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "broken/model.safetensors").write_bytes(b"\xff" * 40)
    for name, remedy in [("storybook-writer", "train writer"), (str(tmp_path / "empty"), "does not load as a causal"),
                         (str(tmp_path / "broken"), "does not load as a causal"), ("a/b/c", "Name an existing folder"),
                         ("someone/nothing-of-this-name", "Check the connection")]:
        with pytest.raises(EngineError, match=remedy):
            causal_lm.load(name)


# a server

@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_the_users_own_token")
    with serving() as server:
        yield server


def test_a_reply_and_what_was_asked(server, monkeypatch):
    monkeypatch.setenv("TEST_KEY", "sk-secret")
    server.answers = ["two balls"]
    sampling = Sampling(temperature=0.5, top_p=0.9, max_tokens=7, stop=("\n",))
    endpoint = Endpoint(server.url, "tiny", "TEST_KEY")
    assert endpoint.chat(ASK, sampling, seed=3) == Reply("two balls")
    path, headers, body = server.seen[0]
    assert path == "/v1/chat/completions" and headers["authorization"] == "Bearer sk-secret"
    assert body | {"stream": False} == {"model": "tiny", "messages": ASK, "max_tokens": 7, "seed": 3, "stream": False,
                                        "temperature": 0.5, "top_p": 0.9, "stop": ["\n"]}


def test_a_server_without_a_key_never_sees_the_hub_token(server):
    server.answers = ["a ball"]
    Endpoint(server.url, "tiny").chat(ASK, SHORT, seed=1)
    assert "hf_the_users_own_token" not in json.dumps(server.seen[0][1])


def test_a_busy_server_is_asked_again_and_told_when(server):
    server.answers = [(503, {}, b"{}"), (429, {"Retry-After": "7"}, b"{}"), "at last"]
    waits = []
    endpoint = Endpoint(server.url, "tiny")
    assert endpoint.chat(ASK, SHORT, seed=1, wait=waits.append).text == "at last"
    assert 1 <= waits[0] <= 2 and waits[1] == 7 and len(server.seen) == 3


def test_a_server_that_stays_busy_is_given_up(server):
    server.answers = [(500, {}, b"{}")] * 9
    with pytest.raises(EngineError, match=f"{ATTEMPTS} attempts"):
        Endpoint(server.url, "tiny").chat(ASK, SHORT, seed=1, wait=lambda _: None)
    assert len(server.seen) == ATTEMPTS


@pytest.mark.parametrize(("answer", "remedy"), [
    ((401, {}, b"{}"), "refuses the key"), ((404, {}, b'{"error": "no model tiny"}'), "no model tiny"),
    ((200, {}, b"<html>hello</html>"), "not in OpenAI's protocol"),
    ((200, {}, b'{"choices": []}'), "protocol"), (answer(5), "protocol"),
    ((200, {}, b'{"choices": [{"index": 0}]}'), "protocol"), (answer([5]), "protocol"),
    (answer([{"type": "text", "text": 5}]), "protocol"), (answer({"text": "a ball"}), "protocol")])
def test_refusals_end_in_the_remedy(server, answer, remedy):
    server.answers = [answer]
    with pytest.raises(EngineError, match=remedy):
        Endpoint(server.url, "tiny").chat(ASK, SHORT, seed=1)
    assert len(server.seen) == 1


def test_nothing_listening_and_wrong_addresses(server, monkeypatch):
    server.server_close()
    with pytest.raises(EngineError, match="Start the server"):
        Endpoint(server.url, "tiny").chat(ASK, SHORT, seed=1, wait=lambda _: None)
    with pytest.raises(EngineError, match="no server's address"):
        Endpoint("localhost:8000", "tiny")
    with pytest.raises(EngineError, match="NO_SUCH_KEY holds no key"):
        Endpoint(server.url, "tiny", "NO_SUCH_KEY")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EngineError, match="HF_HUB_OFFLINE"):
        Endpoint(server.url, "tiny").chat(ASK, SHORT, seed=1)
