"""A training that was killed and started again ends in the very same weights."""
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.core.errors import EngineError
from engine.storybook.train import data, loop, vae
from engine.storybook.train.cards import write_card
from engine.storybook.train.loop import Plan, rate, train

PLAN = Plan(steps=12, learning_rate=0.05, warmup_steps=2, ema_decay=0.9, checkpoint_every=4, seed=1)


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def loss_of(net: nn.Module):
    def loss(step: int) -> Tensor:
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(8, 3, generator=generator)
        return (net(x) - x.sum(1, keepdim=True)).square().mean()
    return loss


@pytest.mark.parametrize("first_step", [0, 12])
def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path, first_step: int) -> None:
    plan = replace(PLAN, steps=PLAN.steps + first_step, first_step=first_step)
    for folder in ("whole", "broken") if first_step else ():
        before = model()
        list(train(before, loss_of(before), PLAN, tmp_path / folder / loop.FIRST_PASS))
    whole, broken = model(), model()
    list(train(whole, loss_of(whole), plan, tmp_path / "whole"))
    ordinary = loss_of(broken)

    def killed(step: int) -> Tensor:
        if step == first_step + 9:
            raise KeyboardInterrupt
        return ordinary(step)

    with pytest.raises(KeyboardInterrupt):
        list(train(broken, killed, plan, tmp_path / "broken"))
    again = model()
    list(train(again, loss_of(again), plan, tmp_path / "broken"))
    for name in ("checkpoint", "ema"):
        a, b = (load_file(tmp_path / f / f"{name}.safetensors") for f in ("whole", "broken"))
        assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_the_average_trails_the_weights_and_validation_uses_it(tmp_path: Path) -> None:
    net = model()
    seen = []

    def validate() -> float:
        seen.append(net[0].weight.detach().clone())
        return 0.5

    list(train(net, loss_of(net), PLAN, tmp_path, validate))
    averaged = load_file(tmp_path / "ema.safetensors")["0.weight"]
    assert torch.equal(seen[-1], averaged) and not torch.equal(net[0].weight, averaged)
    history = json.loads((tmp_path / "history.json").read_text())
    assert [h["validation"] for h in history if "validation" in h] == [0.5] * 3


def test_rate_rises_holds_and_falls_to_zero() -> None:
    plan = Plan(steps=100, learning_rate=1.0, warmup_steps=10, decay_share=0.5)
    assert rate(plan, 0) == pytest.approx(0.1) and rate(plan, 9) == 1.0
    assert rate(plan, 40) == 1.0
    assert rate(plan, 99) < 0.01
    assert all(rate(plan, s) >= rate(plan, s + 1) for s in range(10, 99))


def test_a_damaged_checkpoint_and_another_seed_say_what_to_do(tmp_path: Path) -> None:
    net = model()
    list(train(net, loss_of(net), PLAN, tmp_path))
    with pytest.raises(EngineError, match="another seed"):
        list(train(net, loss_of(net), replace(PLAN, seed=2), tmp_path))
    (tmp_path / "checkpoint.safetensors").write_bytes(b"no tensors")
    with pytest.raises(EngineError, match="damaged.*Delete it"):
        list(train(net, loss_of(net), PLAN, tmp_path))


def test_a_loss_that_leaves_the_numbers_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "REPORT_EVERY_STEPS", 2)
    net = model()
    with pytest.raises(EngineError, match="Lower the learning rate"):
        list(train(net, lambda step: loss_of(net)(step) * float("nan"), PLAN, tmp_path))


def test_a_second_training_goes_on_from_the_averaged_weights_of_the_first(tmp_path: Path) -> None:
    first, second = model(), model()
    list(train(first, loss_of(first), PLAN, tmp_path / loop.FIRST_PASS, lambda: 0.5))
    after = replace(PLAN, steps=20, first_step=12)
    started = []

    def loss(step: int) -> Tensor:
        started.append((step, second[0].weight.detach().clone()))
        return loss_of(second)(step)

    list(train(second, loss, after, tmp_path, lambda: 0.4))
    step, weight = started[0]
    assert step == 12 and torch.equal(weight, load_file(tmp_path / loop.FIRST_PASS / "ema.safetensors")["0.weight"])
    history = json.loads((tmp_path / "history.json").read_text())
    assert [h["step"] for h in history if "validation" in h] == [4, 8, 12, 16, 20]
    assert rate(after, 12) == pytest.approx(0.025) and rate(after, 13) == 0.05 > rate(after, 19)


def test_a_base_learns_the_latents_of_one_codec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "SHARD", 4)
    torch.manual_seed(0)
    codec, other = vae.architecture().eval(), vae.architecture().eval()

    def prepare(of: AutoencoderKL) -> None:
        list(data.prepare(tmp_path, of, lambda captions: [[0] * 32] * len(captions), scenes=4))

    prepare(codec)
    latents, tokens = data.load(tmp_path)
    assert latents.shape == (4, 8, 16, 16) and tokens.shape == (4, data.CAPTIONS_EACH, 32)
    prepare(codec)
    assert torch.equal(data.load(tmp_path)[0], latents)
    with pytest.raises(EngineError, match="another codec. Delete it"):
        prepare(other)
    codec.half().save_pretrained(tmp_path / "codec")
    data.check_codec(tmp_path, AutoencoderKL.from_pretrained(tmp_path / "codec"))


def test_a_card_counts_the_minutes_of_every_part(tmp_path: Path) -> None:
    history = [{"step": 100, "loss": 1.0, "seconds_per_step": 6.0}, {"step": 100, "validation": 0.9},
               {"step": 400, "loss": 0.5, "seconds_per_step": 1.0}, {"step": 400, "validation": 0.7}]
    (tmp_path / "history.json").write_text(json.dumps(history))
    write_card("base", tmp_path, tmp_path, tmp_path / "nothing.json")
    card = (tmp_path / "README.md").read_text()
    assert "400 steps, about 15 minutes" in card and "| 100 | 0.9000 |\n| 400 | 0.7000 |\n" in card
    history = [{"step": 10 * n, "loss": float(n), "seconds_per_step": 1.0} for n in range(1, 17)]
    (tmp_path / "history.json").write_text(json.dumps(history))
    write_card("writer", tmp_path, tmp_path, tmp_path / "nothing.json")
    assert "mean loss of the batches" in (card := (tmp_path / "README.md").read_text())
    assert "| 20 | 1.5000 |" in card and card.rstrip().count("\n| ") == 9
