"""Every encoder keeps the same promises, whatever family it reads for; a new file is tested by being there."""
import pytest
import torch

from engine.core import plugins
from engine.core.errors import EngineError
from engine.models import bases, diffusion, encoders
from engine.models.bases import Base
from engine.models.conditions import Conditions
from engine.models.diffusion import Painter
from tests.plugin_files import install
from tests.tiny_models import tiny_flux, tiny_sd3, tiny_sdxl, tiny_stable_diffusion

SHOUTED = """'Every text as if it were shouted.'


def encode(read, texts):
    return read([text.upper() for text in texts])
"""
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


def loud(folder, patch):
    install(encoders, "loud", SHOUTED, folder, patch)


def test_another_encoder_makes_other_conditions_and_another_identity(painter, tmp_path, monkeypatch):
    loud(tmp_path, monkeypatch)
    shouting = read_by(painter, "loud")
    assert shouting.text_identity == f"{painter.fingerprint} loud"
    shouted = painter.embed([text.upper() for text in TEXTS])
    for name in shouted.tensors:
        assert torch.equal(shouting.embed(TEXTS)[name], shouted[name])


def test_a_base_is_opened_with_the_encoder_that_is_named(painter, tmp_path, monkeypatch):
    loud(tmp_path, monkeypatch)
    assert diffusion.load(painter.model_id, device="cpu", encoder="loud").text_identity.endswith(" loud")
    with pytest.raises(EngineError, match="no encoder called 'mumbled'"):
        diffusion.load(painter.model_id, device="cpu", encoder="mumbled")


def test_what_can_only_paint_is_read_by_nobody_else(tmp_path, monkeypatch):
    loud(tmp_path, monkeypatch)
    base = tiny_flux(tmp_path / "base")
    assert diffusion.load(str(base), device="cpu").encoder == "native"
    with pytest.raises(EngineError, match="not be read by the encoder loud"):
        diffusion.load(str(base), device="cpu", encoder="loud")


def test_records_are_silent_of_the_native_encoder_alone():
    assert encoders.record_of("native") == {} and encoders.record_of("loud") == {"encoder": "loud"}
    base = Base("sd", None, "loud")
    assert bases.record_of(base, "1") == {"model": "sd", "revision": None, "sha256": "1", "encoder": "loud"}
    assert bases.encoder_of(bases.record_of(base, "1")) == "loud"
    assert bases.encoder_of({}) == bases.encoder_of(bases.record_of(Base("sd"), "1")) == "native"


def test_native_is_what_the_base_reads():
    row = Conditions({"embeddings": torch.zeros(1, 2, 3)})
    assert encoders.load("native").encode(lambda texts: row, ["a ball"]) is row


def test_an_encoder_that_is_none_is_told(painter):
    with pytest.raises(EngineError, match="no encoder called 'mumbled'"):
        read_by(painter, "mumbled").embed(TEXTS)
