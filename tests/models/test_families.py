"""Every family keeps the same promises; a new file is tested by being there, with a small base of its own here."""
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.core import plugins
from engine.core.errors import EngineError
from engine.models import diffusion, empty_denoiser, families
from engine.models.denoiser import Denoiser
from engine.models.diffusion import PaintingOptions
from engine.models.families import Family
from engine.models.lora.factors import target_layers
from engine.models.samplers import SAMPLERS
from tests.tiny_models import tiny_flux, tiny_sd3, tiny_sdxl, tiny_stable_diffusion

BASES = {"stable_diffusion": [tiny_stable_diffusion, tiny_sdxl], "stable_diffusion_3": [tiny_sd3]}
NAMES = plugins.names(families)
TEXTS = ["a red ball", "a tree at night"]


@pytest.fixture(scope="module", params=[(name, make) for name in NAMES for make in BASES[name]],
                ids=lambda param: param[1].__name__)
def opened(request, tmp_path_factory):
    """A family and a painter of a checkpoint that it takes."""
    name, make = request.param
    folder = make(tmp_path_factory.mktemp(make.__name__))
    return families.load(name), diffusion.load(str(folder), device="cpu")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_provides_what_a_family_has(name):
    module = families.load(name)
    assert "](http" in module.__doc__, "cite the paper"
    for fact, kind in inspect.get_annotations(Family).items():
        found = getattr(module, fact)
        assert found, fact
        if "tuple" in str(kind):
            assert isinstance(found, tuple)
    for method, declared in vars(Family).items():
        if isinstance(declared, staticmethod):
            given = inspect.signature(getattr(module, method)).parameters
            assert list(given) == list(inspect.signature(declared.__func__).parameters), method


def test_no_checkpoint_belongs_to_two():
    opens = [pipeline for name in NAMES for pipeline in families.load(name).PIPELINES]
    assert len(opens) == len(set(opens))


def test_a_familys_facts_need_no_torch():
    code = ("import sys; from engine.models import families, targets; targets.check(['to_q']); families.choices()\n"
            "print('torch' in sys.modules, 'diffusers' in sys.modules)")
    root = Path(families.__file__).parents[3]
    told = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, stdout=subprocess.PIPE, text=True)
    assert told.stdout.split() == ["False", "False"]


def test_it_is_found_by_the_pipeline_and_by_the_folder(opened):
    family, painter = opened
    assert painter.family is family and families.of_folder(painter.folder) is family
    assert families.load(families.name_of(family)) is family
    assert painter.module is getattr(painter.pipe, family.MODULE)
    bare = empty_denoiser.load(painter.folder)
    assert {path for path, _ in bare.named_parameters()} == {path for path, _ in painter.module.named_parameters()}


def test_conditions_are_kept_under_the_names_it_says(opened):
    family, painter = opened
    text = painter.embed(TEXTS)
    assert list(text.tensors) == list(family.stored_names(painter.pipe)) == list(painter.empty.tensors)
    assert len(text) == 2 and len(painter.empty) == 1
    for name, tensor in painter.empty.tensors.items():
        assert tensor.shape[1:] == text[name].shape[1:]


def test_it_predicts_latents_and_learns_in_the_same_convention(opened):
    """Painting and training ask the same function: one denoiser convention."""
    family, painter = opened
    latents, noise = torch.randn(2, *painter.latent_shape), torch.randn(2, *painter.latent_shape)
    path = family.noise_path(painter.pipe, painter.device, torch.float32)
    times = torch.tensor([3, path.timesteps - 1])
    noisy = path.noised(latents, noise, times)
    assert noisy.shape == path.target(latents, noise, times).shape == latents.shape
    with torch.no_grad():
        predicted = painter.predict(noisy, path.network_times(times), painter.embed(TEXTS))
    assert predicted.shape == latents.shape and predicted.isfinite().all()
    near, far = (noisy - latents).flatten(1).norm(dim=1)
    assert near < far, "later timesteps are noisier"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_it_paints_by_the_samplers_it_names_and_refuses_the_others(opened, sampler):
    family, painter = opened
    if sampler in (*family.samplers(painter.pipe), "default"):
        picture, = painter.paint(TEXTS[:1], [1], 3.0, PaintingOptions(3, sampler))
        assert picture.latents.shape == painter.latent_shape and picture.latents.isfinite().all()
        assert picture.image.size == painter.size_pixels[::-1]
    else:
        with pytest.raises(EngineError, match=f"(?s){sampler}.*Choose sampler"):
            painter.paint(TEXTS[:1], [1], 3.0, PaintingOptions(3, sampler))


def test_the_usual_targets_exist(opened):
    _, painter = opened
    assert len(target_layers(painter.module, ("to_q", "to_k", "to_v", "to_out.0"))) >= 4


def test_what_recipes_say_leads_back_to_it(opened):
    family, _ = opened
    recipe = {"base": {"model": "any", **families.recipe_fields(family)}}
    assert families.of_recipe(recipe) is family


def test_a_recipe_that_names_no_family_is_stable_diffusions():
    first = families.load("stable_diffusion")
    assert families.recipe_fields(first) == {}, "files stay as they were before there were others"
    for recipe in ({}, {"base": None}, {"base": {"model": "storybook"}}):
        assert families.of_recipe(recipe) is first


def test_a_pipeline_of_no_family_is_told_with_the_families_there_are(tmp_path):
    painter = diffusion.load(str(tiny_flux(tmp_path)), device="cpu")
    for use in (Denoiser, lambda painter: empty_denoiser.load(painter.folder)):
        with pytest.raises(EngineError, match="1, 2 or XL or Stable Diffusion 3"):
            use(painter)
