"""A Painter paints what the stock pipeline paints, and every picture keeps to its own seed, guidance and mixture."""

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, FlowMatchEulerDiscreteScheduler
from PIL import Image

from engine.core.errors import EngineError
from engine.models import diffusion
from engine.models.autoencoder import to_images, to_pixels
from engine.models.diffusion import Painter, PaintingOptions
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture
from engine.models.samplers import SAMPLERS
from engine.models.sampling import noise
from tests.tiny_models import tiny_distilled, tiny_flux, tiny_sdxl, tiny_stable_diffusion

TEXTS = ["a red ball", "two blue balls left of a star", "a tree at night"]
SEEDS = [1, 2, 3]
STEPS = 4


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    kinds = (tiny_stable_diffusion, tiny_sdxl, tiny_flux, tiny_distilled)
    return {kind.__name__: kind(root / kind.__name__) for kind in kinds}


@pytest.fixture(scope="module")
def painter(folders):
    return diffusion.load(str(folders["tiny_stable_diffusion"]), device="cpu")


@pytest.fixture(scope="module")
def sdxl(folders):
    return diffusion.load(str(folders["tiny_sdxl"]), device="cpu")


@pytest.fixture
def mixture(painter):
    """Two experts that change the picture: a fresh LoRA has B = 0 and would change nothing."""
    mixture = Mixture(painter.pipe.unet, {"counting": Lora(rank=4), "styles": Lora(rank=2)})
    generator = torch.Generator().manual_seed(0)
    for name in mixture.names:
        mixture.load(name, {k: torch.randn(v.shape, generator=generator) / 10 for k, v in mixture.state(name).items()})
    yield mixture
    mixture.remove()


def paint(painter, texts, seeds, guidance, steps, **how):
    return painter.paint(texts, seeds, guidance, PaintingOptions(steps, **how))


def pixels(painted):
    return np.stack([np.asarray(p.image, dtype=int) for p in painted])


def stock(painter, guidance, sampler=DPMSolverMultistepScheduler):
    """The pipeline's own call from the same noise: latents and pictures."""
    pipe = painter.pipe
    pipe.scheduler = sampler.from_config(pipe.scheduler.config)
    start = noise(SEEDS, painter.latent_shape)
    options = {"num_inference_steps": STEPS, "guidance_scale": guidance, "latents": start}
    return pipe(TEXTS, output_type="latent", **options).images, pipe(TEXTS, **options).images


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("family", ["painter", "sdxl"])
def test_our_loop_equals_the_stock_pipeline(family, guidance, request):
    painter = request.getfixturevalue(family)
    latents, images = stock(painter, guidance)
    painted = paint(painter, TEXTS, SEEDS, guidance, STEPS)
    torch.testing.assert_close(torch.stack([p.latents for p in painted]), latents, atol=1e-5, rtol=1e-5)
    assert np.abs(pixels(painted) - np.stack([np.asarray(i, dtype=int) for i in images])).max() <= 1


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_paints_and_they_differ(painter, sampler):
    painted = paint(painter, TEXTS[:1], SEEDS[:1], 2.0, STEPS, sampler=sampler)
    assert painted[0].image.size == (64, 64) and painted[0].latents.shape == (8, 16, 16)
    other = paint(painter, TEXTS[:1], SEEDS[:1], 2.0, STEPS, sampler="euler" if sampler != "euler" else "ddim")
    assert not torch.allclose(painted[0].latents, other[0].latents, atol=1e-3)


def test_a_sampler_that_draws_noise_at_every_step_is_refused(painter):
    own = painter.pipe.scheduler
    painter.pipe.scheduler = EulerAncestralDiscreteScheduler.from_config(own.config)
    with pytest.raises(EngineError, match="Choose sampler dpmsolver"):
        paint(painter, TEXTS, SEEDS, 3.0, STEPS, sampler="default")
    painter.pipe.scheduler = DPMSolverMultistepScheduler.from_config(own.config, algorithm_type="sde-dpmsolver++")
    with pytest.raises(EngineError, match="Choose sampler dpmsolver"):
        paint(painter, TEXTS, SEEDS, 3.0, STEPS, sampler="default")
    once, again = (paint(painter, TEXTS[:1], SEEDS[:1], 3.0, STEPS)[0].latents for _ in range(2))
    painter.pipe.scheduler = own
    assert torch.equal(once, again)


def test_the_same_shard_is_bit_identical_and_batch_sizes_agree_to_one_level(painter):
    once, again = (paint(painter, TEXTS, SEEDS, 3.0, STEPS, batch_size=3) for _ in range(2))
    assert all(torch.equal(a.latents, b.latents) for a, b in zip(once, again, strict=True))
    assert np.array_equal(pixels(once), pixels(again))
    for size in (1, 2):
        assert np.abs(pixels(once) - pixels(paint(painter, TEXTS, SEEDS, 3.0, STEPS, batch_size=size))).max() <= 1


def test_a_picture_depends_on_its_own_seed_alone(painter):
    together = paint(painter, TEXTS, SEEDS, 3.0, STEPS)
    alone = paint(painter, TEXTS[2:], SEEDS[2:], 3.0, STEPS)
    other = paint(painter, TEXTS[2:], [9], 3.0, STEPS)
    torch.testing.assert_close(together[2].latents, alone[0].latents, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(other[0].latents, alone[0].latents, atol=1e-2)


def test_every_row_has_its_own_guidance(painter):
    guidance = [1.0, 3.0, 7.5]
    mixed = paint(painter, TEXTS, SEEDS, guidance, STEPS)
    for i, scale in enumerate(guidance):
        alone = paint(painter, TEXTS[i:i + 1], SEEDS[i:i + 1], scale, STEPS)
        torch.testing.assert_close(mixed[i].latents, alone[0].latents, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("guidance", "rows"), [(1.0, 3), (3.0, 6), ([1.0, 3.0, 1.0], 4)])
def test_only_guided_rows_are_computed_twice(painter, guidance, rows):
    seen = []
    hook = painter.pipe.unet.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
    paint(painter, TEXTS, SEEDS, guidance, STEPS)
    hook.remove()
    assert set(seen) == {rows}


def test_every_row_has_its_own_mixture_under_guidance(painter, mixture):
    mixes = [{}, {"counting": 1.0}, {"counting": 0.5, "styles": -0.5}]
    text, seed, guidance = TEXTS[0], 7, [3.0, 1.0, 5.0]
    together = paint(painter, [text] * 3, [seed] * 3, guidance, STEPS, mixture=mixture, mix=mixture.rows(mixes))
    for i, mix in enumerate(mixes):
        alone = paint(painter, [text], [seed], guidance[i], STEPS, mixture=mixture, mix=mix)
        torch.testing.assert_close(together[i].latents, alone[0].latents, atol=1e-5, rtol=1e-5)
    split = paint(painter, [text] * 3, [seed] * 3, guidance, STEPS, batch_size=2, mixture=mixture,
                          mix=mixture.rows(mixes))
    assert np.abs(pixels(together) - pixels(split)).max() <= 1
    base = paint(painter, [text], [seed], 3.0, STEPS)
    torch.testing.assert_close(together[0].latents, base[0].latents, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(paint(painter, [text], [seed], 3.0, STEPS, mixture=mixture, mix=mixes[1])[0].latents,
                              base[0].latents, atol=1e-3)


def test_counts_that_do_not_match_are_named(painter, mixture):
    with pytest.raises(EngineError, match="3 texts"):
        paint(painter, TEXTS, [1], 3.0, STEPS)
    with pytest.raises(EngineError, match="3 texts"):
        paint(painter, TEXTS, SEEDS, 3.0, STEPS, mixture=mixture, mix=torch.zeros(2, 2))


def test_a_text_that_no_model_reads_is_refused(painter):
    with pytest.raises(EngineError, match="100,000 .*5,000 at most"):
        paint(painter, [TEXTS[0], "x" * 100_000], [1, 2], 3.0, STEPS)


def test_the_callback_sees_every_step_and_can_stop(painter):
    seen = []

    def stop_at_two(step, steps, latents):
        seen.append((step, steps, tuple(latents.shape)))
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint(painter, TEXTS, SEEDS, 3.0, STEPS, callback=stop_at_two)
    assert seen == [(1, STEPS, (3, 8, 16, 16)), (2, STEPS, (3, 8, 16, 16))]


def test_a_pipeline_that_no_family_takes_paints_by_its_own_call(folders):
    painter = diffusion.load(str(folders["tiny_flux"]), device="cpu")
    painter.pipe.default_sample_size = 16
    steps = []
    painted = paint(painter, TEXTS, SEEDS, 3.0, 2, sampler="default", callback=lambda step, *_: steps.append(step))
    assert pixels(painted).shape == (3, 64, 64, 3) and painted[0].latents.dim() == 3 and steps == [1, 2]
    generators = [torch.Generator().manual_seed(s) for s in SEEDS]
    stock = painter.pipe(TEXTS, guidance_scale=3.0, num_inference_steps=2, generator=generators).images
    assert np.abs(pixels(painted) - np.stack([np.asarray(i, dtype=int) for i in stock])).max() <= 1
    alone = paint(painter, TEXTS[1:2], SEEDS[1:2], 3.0, 2, sampler="default")
    assert np.abs(pixels(painted)[1] - pixels(alone)[0]).max() <= 1
    for options in ({"guidance": 3.0, "sampler": "ddim"}, {"guidance": [1.0, 2.0, 3.0], "sampler": "default"}):
        with pytest.raises(EngineError, match="Choose"):
            paint(painter, TEXTS, SEEDS, steps=2, **options)
    for refused in (lambda: painter.embed(TEXTS), lambda: painter.module, lambda: painter.latent_shape):
        with pytest.raises(EngineError, match="FluxPipeline"):
            refused()


def test_a_unet_that_also_reads_the_guidance_scale_is_of_no_family(folders):
    painter = diffusion.load(str(folders["tiny_distilled"]), device="cpu")
    generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    painted = paint(painter, TEXTS, SEEDS, 3.0, 2, sampler="ddim")
    stock = painter.pipe(TEXTS, guidance_scale=3.0, num_inference_steps=2, generator=generators).images
    assert np.abs(pixels(painted) - np.stack([np.asarray(i, dtype=int) for i in stock])).max() <= 1
    assert painter.family is None
    with pytest.raises(EngineError, match="tiny_distilled"):
        painter.embed(TEXTS)


def test_a_unet_that_walks_a_straight_line_is_of_no_family(painter, monkeypatch):
    """Its alpha-bar would be made up: it would be trained and painted as what it is not."""
    monkeypatch.setattr(painter.pipe, "scheduler", FlowMatchEulerDiscreteScheduler())
    assert Painter(painter.pipe, painter.device, "flowing", painter.folder).family is None


def test_conditions_carry_what_the_unet_reads(painter, sdxl):
    plain, large = painter.embed(TEXTS), sdxl.embed(TEXTS)
    assert set(plain.tensors) == {"embeddings"} and plain["embeddings"].shape == (3, 32, 32)
    assert len(painter.empty) == 1 and painter.empty["embeddings"].any()
    assert large["embeddings"].shape == (3, 32, 56) and large["pooled"].shape == (3, 24)
    assert large["time_ids"].tolist() == [[64, 64, 0, 0, 64, 64]] * 3
    assert not sdxl.empty["embeddings"].any() and not sdxl.empty["pooled"].any()
    assert sdxl.empty["time_ids"].tolist() == [[64, 64, 0, 0, 64, 64]]


@pytest.mark.parametrize("statistics", [
    {}, {"shift_factor": 0.3}, {"latents_mean": [0.1] * 8, "latents_std": [2.0] * 8}])
def test_decode_undoes_what_encode_scales(painter, statistics):
    vae = painter.pipe.vae
    before = dict(vae.config)
    vae.register_to_config(**statistics)
    start = to_pixels([Image.effect_noise((64, 64), 60).convert("RGB")] * 2)
    raw = vae.encode(start).latent_dist.mode()
    scaled = painter.encode(start)
    expected = {0: raw * 0.5, 1: (raw - 0.3) * 0.5, 2: (raw - 0.1) * 0.5 / 2.0}[len(statistics)]
    torch.testing.assert_close(scaled, expected)
    torch.testing.assert_close(painter.decode(scaled), vae.decode(raw).sample.clamp(-1, 1), atol=1e-5, rtol=1e-5)
    vae.register_to_config(**before)


def test_pictures_and_pixels_are_inverse_and_sizes_adapt():
    image = Image.effect_noise((64, 64), 60).convert("RGB")
    assert np.array_equal(np.asarray(to_images(to_pixels([image]))[0]), np.asarray(image))
    assert to_pixels([image], (32, 48)).shape == (1, 3, 32, 48)


def test_half_precision_weights_keep_a_full_precision_vae(folders):
    painter = diffusion.load(str(folders["tiny_sdxl"]), device="cpu", weights_dtype=torch.bfloat16)
    assert painter.pipe.unet.dtype == torch.bfloat16 and painter.pipe.vae.dtype == torch.float32
    painted = paint(painter, TEXTS[:1], SEEDS[:1], 3.0, 2)
    assert painted[0].latents.dtype == torch.float32 and painted[0].latents.isfinite().all()
