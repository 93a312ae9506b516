"""From a moved slider to a picture: the mixture, live and folded, against diffusers' own two ways and the bare UNet."""
from collections.abc import Callable, Iterator
from itertools import count

import torch

from engine.models.diffusion import Painter
from engine.models.mixture import Mixture
from engine.models.sampling import noise
from tests.benchmarks import worlds
from tests.benchmarks.measure import Row, Settings, cost, faster

EXPERTS = (1, 2, 5, 10)
FORWARDS = 20
"""Of a batch of two, as guidance makes them: one picture."""


def rows(settings: Settings) -> Iterator[Row]:
    """Live and folded beside the bare UNet, then against `set_adapters` and `fuse_lora`."""
    repeats, forwards = (2, 10) if settings.quick else (10, FORWARDS)
    for number in (5,) if settings.quick else EXPERTS:
        ours = Ours(worlds.painter(settings), number, forwards)
        theirs = Theirs(worlds.painter(settings), number, forwards)
        bare, several = forwards_of(worlds.painter(settings), forwards), "s" if number > 1 else ""
        name = f"slider to picture, {number} expert{several}, {forwards} forwards"
        goal = ">= 2" if number == 5 else ""
        yield cost(f"{name}: folded / bare UNet", ours.folded, bare, repeats, "<= 1.05")
        yield cost(f"{name}: live / bare UNet", ours.live, bare, repeats, "<= 1.3")
        yield faster(f"{name}: folded, set_adapters", ours.folded, theirs.set_adapters, repeats, goal)
        yield faster(f"{name}: live, set_adapters", ours.live, theirs.set_adapters, repeats, goal,
                     difference=ours.difference(theirs, theirs.set_adapters))
        yield faster(f"{name}: folded, fuse_lora and unfuse_lora", ours.folded, theirs.fuse, repeats, "",
                     difference=ours.difference(theirs, theirs.fuse))


class Ours:
    """The mixture of experts beside a UNet."""

    def __init__(self, painter: Painter, number: int, forwards: int = FORWARDS) -> None:
        self.painter, self.number, self.turn = painter, number, count()
        self.mixture = Mixture(self.painter.pipe.unet, worlds.experts(self.painter.pipe.unet, number))
        self.picture = forwards_of(self.painter, forwards)

    def live(self) -> torch.Tensor:
        with self.mixture.mix(worlds.weights(self.number, next(self.turn))):
            return self.picture()

    def folded(self) -> torch.Tensor:
        with self.mixture.folded(worlds.weights(self.number, next(self.turn))):
            return self.picture()

    def difference(self, theirs: "Theirs", paint: Callable[[], torch.Tensor]) -> float:
        """Relative, of the same sliders' outputs: they must paint the same."""
        self.turn, theirs.turn = count(), count()
        ours, other = self.live(), paint()
        return round(float((ours - other).norm() / other.norm()), 8)


class Theirs:
    """The same experts as diffusers loads them from files."""

    def __init__(self, painter: Painter, number: int, forwards: int = FORWARDS) -> None:
        self.painter, self.number, self.turn = painter, number, count()
        for name, expert in worlds.experts(self.painter.pipe.unet, number).items():
            worlds.load_as_adapter(self.painter, name, expert)
        self.picture = forwards_of(self.painter, forwards)

    def set_adapters(self) -> torch.Tensor:
        own = worlds.weights(self.number, next(self.turn))
        self.painter.pipe.set_adapters(list(own), list(own.values()))
        return self.picture()

    def fuse(self) -> torch.Tensor:
        own, pipe = worlds.weights(self.number, next(self.turn)), self.painter.pipe
        pipe.set_adapters(list(own), list(own.values()))
        pipe.fuse_lora(components=["unet"], adapter_names=list(own))
        picture = self.picture()
        pipe.unfuse_lora(components=["unet"])
        return picture


def forwards_of(painter: Painter, forwards: int = FORWARDS) -> Callable[[], torch.Tensor]:
    """So many forward passes of two rows; the sampler's own arithmetic is left out on both sides."""
    text, unet = painter.embed(["", worlds.TEXT]), painter.pipe.unet
    start = noise((1, 1), painter.latent_shape).to(painter.device, unet.dtype)

    keywords = worlds.unet_keywords(text)

    @torch.no_grad()
    def picture() -> torch.Tensor:
        for step in range(forwards):
            output = unet(start, torch.tensor(950 - step * 45, device=painter.device), **keywords,
                          return_dict=False)[0]
        return output.float()
    return picture
