"""The whole line on another family: a small random Stable Diffusion 3 paints, learns, merges, slides."""
import json

import numpy as np
import pytest
import torch
from diffusers import StableDiffusion3Pipeline
from safetensors import safe_open

from engine import experts, images, merge
from engine.core.errors import EngineError
from engine.core.plugins import PluginChoice
from engine.core.store import Store, write_records
from engine.core.types import Prompt
from engine.merge import adopt, export, methods
from engine.models import diffusion
from engine.models.bases import Base
from engine.models.diffusion import PaintingOptions
from engine.models.ensemble import Ensemble
from engine.models.lora import expert_files
from engine.runs.preview import Merge, PictureRequest, Preview
from tests.tiny_models import tiny_sd3

SKILLS = ("counting", "styles")
TEXTS = ["two red balls", "a tree", "a blue star", "red balls at night"]
FILE = "pytorch_lora_weights.safetensors"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_sd3(tmp_path_factory.mktemp("sd3"))


@pytest.fixture(scope="module")
def store(base, tmp_path_factory):
    """A run whose pictures are painted, whose experts are trained, and whose merge is verified by plain diffusers."""
    store = Store(tmp_path_factory.mktemp("run"))
    for skill in SKILLS:
        prompts = [Prompt(f"{skill}-{number}", skill, text, "hand") for number, text in enumerate(TEXTS)]
        write_records(store.prompts(skill), prompts)
    list(images.run(images.Config(skills=SKILLS, model=str(base), steps=2), store))
    config = experts.Config(
        experts={skill: [skill] for skill in SKILLS}, model=str(base), rank=2, alpha=3.0, steps=4, batch_size=2,
        learning_rate=0.05, held_out=0.25, targets=("to_q", "to_v", "add_k_proj"), sample_every=4, samples=1,
        sample_steps=2)
    list(experts.run(config, store))
    list(merge.run(merge.Config(name="merged", method="average", experts={"counting": 1.0, "styles": 0.5}), store))
    return store


def test_experts_learn_and_remember_their_family(store):
    for skill in SKILLS:
        recipe = json.loads((store.expert(skill) / "recipe.json").read_text())
        assert recipe["base"]["family"] == "stable_diffusion_3" and recipe["base"]["prediction"] == "flow"
        expert = expert_files.read(store.expert(skill)).expert
        assert {"transformer_blocks.0.attn.to_q", "transformer_blocks.0.attn.add_k_proj"} <= set(expert)
        assert any(factors.b.abs().max() > 0.01 for factors in expert.values())
        assert list(store.expert(skill).glob("samples/*.png"))


def test_files_have_the_keys_of_the_familys_network(store):
    for folder in (store.expert("counting"), store.merge("merged")):
        with safe_open(folder / FILE, "pt") as file:
            assert all(key.startswith("transformer.") for key in file.keys())  # noqa: SIM118 - no mapping
            metadata = json.loads(file.metadata()["lora_adapter_metadata"])
        assert all(name.startswith("transformer.") for name in metadata)


def painted_by_diffusers(base, folder, painter):
    """The plain pipeline with the file, from our noise."""
    pipe = StableDiffusion3Pipeline.from_pretrained(base)
    pipe.set_progress_bar_config(disable=True)
    pipe.load_lora_weights(folder, weight_name=FILE)
    generators = [torch.Generator().manual_seed(seed) for seed in range(len(TEXTS))]
    return pipe(TEXTS, guidance_scale=3.0, num_inference_steps=3, generator=generators, output_type="latent").images


@pytest.mark.parametrize("name", ["counting", "merged"])
def test_plain_diffusers_reads_the_file_and_paints_the_same(store, base, name):
    painter = diffusion.load(str(base), device="cpu")
    ensemble = Ensemble(Base(str(base)), store, [name], painter)
    seeds = list(range(len(TEXTS)))
    options = PaintingOptions(3, "default", mixture=ensemble.mixture, mix={name: 1.0})
    ours = torch.stack([picture.latents for picture in painter.paint(TEXTS, seeds, 3.0, options)])
    bare = torch.stack([p.latents for p in painter.paint(TEXTS, seeds, 3.0, PaintingOptions(3, "default"))])
    folder = store.expert(name) if name in SKILLS else store.merge(name)
    torch.testing.assert_close(ours, painted_by_diffusers(base, folder, painter), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(ours, bare, atol=1e-2), "the expert changes the picture"


def test_a_merge_is_verified_by_plain_diffusers(store):
    *_, done = merge.run(merge.Config(name="again", method="average", experts={"counting": 1.0}), store)
    assert "erified" in done.text and "Not verified" not in done.text


def test_sliders_show_base_beside_merged_from_one_noise(store):
    """Live: while a weight moves, the base's picture stays, and at weight 0 both are the same."""
    def pair(weight):
        mix = Merge.of_weights(PluginChoice(methods, "weighted"), {"counting": weight, "styles": 0.0})
        cells = [PictureRequest(TEXTS[0], 3, 3.5, own, steps=2) for own in (None, mix)]
        return [np.asarray(image, dtype=int) for image in Preview().paint(store, cells)]
    base, same = pair(0.0)
    assert np.abs(base - same).max() <= 1
    again, merged = pair(1.0)
    assert np.abs(base - again).max() <= 1 and np.abs(base - merged).max() > 2


def test_a_file_of_others_is_taken_in(store, base):
    file = store.expert("counting") / FILE
    list(adopt.run(adopt.Config(file=str(file), name="theirs", model=str(base)), store))
    ours, theirs = (expert_files.read(store.expert(name)) for name in ("counting", "theirs"))
    assert theirs.recipe["base"]["family"] == "stable_diffusion_3"
    for path, factors in ours.expert.items():
        assert torch.equal(theirs.expert[path].a, factors.a) and theirs.expert[path].scale == factors.scale


def test_kohyas_naming_has_no_place_for_it(store):
    with pytest.raises(EngineError, match="Stable Diffusion 3"):
        list(export.run(export.Config(name="counting"), store))


def test_an_expert_of_another_family_does_not_fit(store, base, tmp_path):
    from engine.models.mixture import Mixture
    from tests.tiny_models import tiny_stable_diffusion
    other = diffusion.load(str(tiny_stable_diffusion(tmp_path)), device="cpu")
    with pytest.raises(EngineError, match="another model"):
        Mixture(other.module, {"counting": expert_files.read(store.expert("counting")).expert})
