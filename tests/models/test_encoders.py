"""Every encoder keeps the same promises, whatever family it reads for; a new file is tested by being there."""
import pytest
import torch

from engine.core import plugins
from engine.core.errors import EngineError
from engine.models import diffusion, encoders
from engine.models.conditions import Conditions
from engine.models.diffusion import Painter
from tests.tiny_models import tiny_sd3, tiny_sdxl, tiny_stable_diffusion

NAMES = plugins.names(encoders)
TEXTS = ["a red ball", "two blue balls left of a star. a tree at night"]


@pytest.fixture(scope="module", params=[tiny_stable_diffusion, tiny_sdxl, tiny_sd3], ids=lambda make: make.__name__)
def painter(request, tmp_path_factory):
    return diffusion.load(str(request.param(tmp_path_factory.mktemp("base"))), device="cpu")


def read_by(painter, encoder):
    return Painter(painter.pipe, painter.device, painter.model_id, painter.folder, encoder)


@pytest.mark.parametrize("name", NAMES)
def test_contract(painter, name):
    own = read_by(painter, name)
    text = own.embed(TEXTS)
    assert encoders.load(name).__doc__
    assert len(text) == 2 and list(text.tensors) == list(own.stored_names)
    for row, alone in enumerate(own.embed([one]) for one in TEXTS):
        for tensor in text.tensors:
            torch.testing.assert_close(text[tensor][row:row + 1], alone[tensor], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_its_name_is_part_of_identity_but_the_native_ones(painter, name):
    assert (read_by(painter, name).text_identity == painter.fingerprint) == (name == "native")


def test_another_encoder_makes_other_conditions_and_another_identity(painter, tmp_path, monkeypatch):
    (tmp_path / "loud.py").write_text(
        '"""Every text as if it were shouted."""\n\n\n'
        'def encode(read, texts):\n    return read([t.upper() for t in texts])\n')
    monkeypatch.setattr(encoders, "__path__", [*encoders.__path__, str(tmp_path)])
    loud = read_by(painter, "loud")
    assert loud.text_identity == f"{painter.fingerprint} loud"
    shouted = painter.embed([text.upper() for text in TEXTS])
    for name in shouted.tensors:
        assert torch.equal(loud.embed(TEXTS)[name], shouted[name])


def test_native_is_what_the_base_reads():
    row = Conditions({"embeddings": torch.zeros(1, 2, 3)})
    assert encoders.load("native").encode(lambda texts: row, ["a ball"]) is row


def test_an_encoder_that_is_none_is_told(painter):
    with pytest.raises(EngineError, match="no encoder called 'mumbled'"):
        read_by(painter, "mumbled").embed(TEXTS)
