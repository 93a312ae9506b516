"""Grids: every cell is what it would be alone, whatever batch it was painted in, and nothing is painted twice."""
import pytest
import torch
from PIL import Image

from engine.core.errors import EngineError
from engine.core.evidence import Evidence
from engine.core.store import Store, read_records
from engine.models import diffusion
from engine.models.diffusion import PaintingOptions
from engine.models.lora import expert_files
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture
from engine.studies import grid
from engine.studies.axes import GUIDANCE, STRENGTH
from engine.studies.cells import Cell
from tests.models.experts import random_experts
from tests.models.lora_files import loaded
from tests.tiny_models import tiny_stable_diffusion

PROMPT = "two red balls"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("sd"))


@pytest.fixture
def store(base, tmp_path):
    mixture = Mixture(loaded(base).unet, {"a": Lora(4, 4), "b": Lora(2, 2)})
    random_experts(mixture, 0.3)
    for name in mixture.names:
        expert_files.write(Store(tmp_path).expert(name), mixture.expert(name), {"name": name})
    return Store(tmp_path)


def config(base, **changes):
    options = {"x": "a", "y": "b", "x_values": (0.0, 1.0, 2.0), "y_values": (0.0, -1.0), "batch_size": 4, "steps": 2,
               "weights": {"a": 0.5, "b": 0.5}, "prompts": (PROMPT,), "model": str(base), "judge": "storybook"}
    return grid.Config(**(options | changes))


def painted(config, store):
    assert list(grid.run(config, store))[-1].kind == "done"
    return read_records(store.folder / "grids" / config.name / grid.CELLS, Cell)


def test_every_cell_is_what_it_would_be_alone(base, store):
    asked = config(base)
    cells = painted(asked, store)
    assert [(c.row, c.column) for c in cells] == [(r, c) for r in range(2) for c in range(3)]
    painter = diffusion.load(str(base))
    mixture = Mixture(painter.pipe.unet, {n: expert_files.read(store.expert(n)).expert for n in "ab"})
    for cell in cells:
        alone = painter.paint([PROMPT], [asked.seed], asked.guidance,
                              PaintingOptions(2, mixture=mixture, mix=cell.weights))[0]
        with Image.open(store.folder / "grids" / "grid" / cell.file_name) as image:
            one, other = (torch.tensor(list(i.convert("RGB").tobytes())).int() for i in (image, alone.image))
        assert (one - other).abs().max() <= 1
        assert cell.weights == {"a": asked.x_values[cell.column], "b": asked.y_values[cell.row]}
        assert cell.evidence.questions and 0 <= cell.value <= 1


@pytest.mark.parametrize(("axes", "at", "expected"), [
    ((STRENGTH, "b"), 1, ({"a": 0.5, "b": 0.0}, 3.5)), (("a", STRENGTH), 1, ({"a": 0.0, "b": 0.0}, 3.5)),
    (("b", GUIDANCE), 2, ({"a": 0.5, "b": 2.0}, 0.0)), ((GUIDANCE, STRENGTH), 5, ({"a": -0.5, "b": -0.5}, 2.0))])
def test_axes(base, axes, at, expected):
    cell = grid.plan(config(base, x=axes[0], y=axes[1]))[at]
    assert (cell.weights, cell.guidance) == expected


def test_several_prompts_make_a_grid_each_and_without_a_judge_nothing_is_scored(base, store):
    cells = painted(config(base, prompts=(PROMPT, "a tree"), judge=""), store)
    assert len(cells) == 12 and {c.prompt for c in cells} == {PROMPT, "a tree"}
    assert all(c.value is None and c.evidence == Evidence() for c in cells)


def test_what_is_painted_stays_and_a_broken_run_goes_on(base, store):
    asked = config(base)
    events = grid.run(asked, store)
    next(events), next(events)
    events.close()
    folder = store.folder / "grids" / "grid"
    first = {path: path.stat().st_mtime_ns for path in folder.glob("*.png")}
    assert len(first) == 4
    assert len(painted(asked, store)) == 6
    assert {path: path.stat().st_mtime_ns for path in first} == first
    with pytest.raises(EngineError, match="is another one .*Choose another name"):
        list(grid.run(config(base, seed=2), store))


def test_a_cell_without_its_picture_is_painted_again(base, store):
    asked = config(base)
    before = painted(asked, store)
    lost = store.folder / "grids" / "grid" / before[2].file_name
    data = lost.read_bytes()
    lost.unlink()
    assert painted(asked, store) == before and lost.exists()
    with Image.open(lost) as image:
        assert len(data) and image.size == (64, 64)


@pytest.mark.parametrize(("changes", "reason"), [
    ({"x": "nobody"}, "'nobody' .*strength.*guidance.*a, b"),
    ({"x": "b"}, "Both axes are b"), ({"x_values": ()}, "needs an expert"),
    ({"weights": {}, "x": STRENGTH}, "cannot be"),
    ({"x_values": tuple(map(float, range(401))), "y_values": (0.0,)}, "401 cells are too many"),
    ({"name": "../up"}, "cannot be the name"), ({"x_values": (float("inf"),)}, "no value of an axis"),
    ({"x_values": (float("nan"),)}, "no value of an axis"),
    ({"x_values": (0.0, 1e5)}, "100000.0 is no.* a .*-100 and 100"),
    ({"y": GUIDANCE, "y_values": (51.0,)}, "guidance scale .*-50 and 50"),
    ({"y": STRENGTH, "y_values": (60.0,), "weights": {"a": 1.0, "b": 2.0}}, "The weight of b is 120"),
    ({"weights": {"a": 1.0, "b": 1e300}}, r"weight of b is 1e\+300.*-100 and 100"),
    ({"prompts": (PROMPT, "x" * 100_000)}, "100,000 characters"),
    ({"judge": "nobody"}, "nobody"), ({"weights": {"a": 1.0, "b": 1.0, "ghost": 1.0}}, "called 'ghost'")])
def test_what_makes_no_sense_is_refused(base, store, changes, reason):
    with pytest.raises(EngineError, match=reason):
        list(grid.run(config(base, **changes), store))


@pytest.mark.parametrize("recipe", ["[]", "5", "{}", '{"recipe": []}', "{"])
def test_a_recipe_of_the_wrong_kind_is_told(base, store, recipe):
    folder = store.folder / "grids" / "grid"
    folder.mkdir(parents=True)
    (folder / grid.RECIPE).write_text(recipe)
    with pytest.raises(EngineError, match=r"recipe\.json is damaged.*Delete it"):
        list(grid.run(config(base), store))
