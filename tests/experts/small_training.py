"""A few learners on a UNet of one level, as the stage sets them up, for tests of a step."""
import copy

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel

from engine.experts.learner import Learner
from engine.experts.objectives import denoise, dpo
from engine.experts.sources.pairs.streams import Pairs, PairStream
from engine.experts.sources.pictures.library import Library
from engine.experts.sources.pictures.splits import Split
from engine.experts.sources.pictures.streams import Stream
from engine.experts.training import train_step
from engine.models.conditions import Conditions
from engine.models.denoiser import Denoiser
from engine.models.diffusion import Painter
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture

SIDE = 4


def painter_of(pipe, base, dtype=torch.float32, **scheduler):
    """The pipeline with a UNet of one level, for speed."""
    torch.manual_seed(0)
    pipe = copy.copy(pipe)
    unet = UNet2DConditionModel(
        sample_size=SIDE, in_channels=8, out_channels=8, layers_per_block=1, block_out_channels=(8,), norm_num_groups=4,
        cross_attention_dim=32, attention_head_dim=4, down_block_types=("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",), mid_block_type=None).to(dtype)
    pipe.register_modules(unet=unet, scheduler=DDPMScheduler.from_config(pipe.scheduler.config, **scheduler))
    return Painter(pipe, torch.device("cpu"), str(base), base)


def library_of(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(12, 8, SIDE, SIDE, generator=generator, dtype=dtype)
    text = Conditions({"embeddings": torch.randn(12, 5, 32, generator=generator, dtype=dtype)})
    empty = Conditions({"embeddings": torch.zeros(1, 5, 32, dtype=dtype)})
    rows = {"counting": range(6), "styles": range(6, 12)}
    return Library(latents, text, empty, ["a tree"] * 12, rows, dtype, dtype)


SPLITS = {"counting": Split([0, 1, 2, 3, 4], [5]), "styles": Split([6, 7, 8, 9, 10], [11])}


class SmallTraining:
    """Learners on a base of their own, as the stage sets them up."""

    def __init__(self, painter, **trainings):
        dtype = painter.module.dtype
        self.denoiser, self.library = Denoiser(painter), library_of(dtype)
        self.mixture = Mixture(painter.module, {
            n: Lora(t.rank, t.alpha, t.targets) for n, t in trainings.items()}, seed=4)
        self.learners = [Learner(name, training, self.stream(name, training), self.mixture.parameters_of(name))
                         for name, training in trainings.items()]

    def stream(self, name, training):
        return Stream(name, self.library, SPLITS[name], training, 4)

    def loss(self, model, batch):
        return denoise.loss(model, batch, denoise.Config())

    def step(self):
        active = [learner for learner in self.learners if not learner.finished]
        train_step(active, self.mixture, self.denoiser, self.loss)

    def train(self):
        while not all(learner.finished for learner in self.learners):
            self.step()
        return {learner.name: [p.detach() for p in learner.parameters] for learner in self.learners}


class SmallPreferences(SmallTraining):
    """The same by Diffusion-DPO: of each skill's pictures, those of even rows are better than those of odd ones."""

    BETA = 100.0

    def stream(self, name, training):
        better, worse = [*range(0, 12, 2)], [*range(1, 12, 2)]
        pairs = Pairs(self.library, better, worse, {"counting": [[0], [1], [2]], "styles": [[3], [4], [5]]})
        return PairStream(name, pairs, PAIR_SPLITS[name], training, 4)

    def loss(self, model, batch):
        return dpo.loss(model, batch, dpo.Config(beta=self.BETA))


PAIR_SPLITS = {"counting": Split([0, 1], [2]), "styles": Split([3, 4], [5])}
