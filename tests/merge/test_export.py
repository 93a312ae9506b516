"""An export is the run's expert as other programs read it."""
import pytest

from engine.core.errors import EngineError
from engine.core.store import Store
from engine.merge import adopt, export
from engine.models import tensor_files
from engine.models.lora import expert_files, layouts


def test_an_exported_expert_comes_back_the_same(base, expert, tmp_path):
    store = Store(tmp_path / "run")
    expert_files.write(store.expert("own"), expert, {"name": "own"})
    (event,) = export.run(export.Config(name="own"), store)
    file = store.folder / "exports" / "own.safetensors"
    assert event.kind == "done" and str(file) in event.text
    list(adopt.run(adopt.Config(file=str(file), name="back", model=str(base)), store))
    back = expert_files.read(store.expert("back")).expert
    assert all((back[path].delta() - factors.delta()).abs().max() < 2e-3 for path, factors in expert.items())


@pytest.mark.parametrize("layout", ["kohya", "diffusers"])
def test_the_layout_is_chosen_by_its_name(base, expert, tmp_path, layout):
    store = Store(tmp_path / "run")
    expert_files.write(store.expert("own"), expert, {"name": "own"})
    list(export.run(export.Config(name="own", layout=layout), store))
    tensors, _ = tensor_files.read(store.folder / "exports" / "own.safetensors")
    assert layouts.recognise(tensors) is layouts.load(layout)


@pytest.mark.parametrize(("options", "sentence"), [
    ({"name": "nobody"}, "called 'nobody'"), ({"name": "own", "file": "own.pt"}, "End it in .safetensors"),
    ({"name": "own", "layout": "onnx"}, "layout.*'onnx'.*diffusers, kohya")])
def test_what_cannot_be_exported_is_refused(tmp_path, options, sentence):
    with pytest.raises(EngineError, match=sentence):
        list(export.run(export.Config(**options), Store(tmp_path)))
