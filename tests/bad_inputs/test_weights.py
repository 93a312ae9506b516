"""A LoRA's file that went wrong, or was made to: it is taken in, or refused in a sentence."""

import json
import struct

import pytest
import torch
from safetensors.torch import save

from engine.core.store import Store
from engine.merge import adopt
from engine.models import empty_denoiser
from engine.models.checkpoints import SHIPPED
from engine.models.lora.factors import target_layers
from tests.bad_inputs.mutations import HERE, WRONG, Damage, places, put, some
from tests.bad_inputs.reading import outcome

EACH = 25
LIBRARY = 25_000
"""Letters of an error that quotes safetensors' own words, which quote the file."""


def whole() -> bytes:
    """Rank 2 for two layers of Storybook's base, in diffusers' names."""
    layers = list(target_layers(empty_denoiser.load(SHIPPED["storybook"]), ["to_q"]).items())[:2]
    tensors = {}
    for path, layer in layers:
        tensors[f"unet.{path}.lora_A.weight"] = torch.ones(2, layer.in_features)
        tensors[f"unet.{path}.lora_B.weight"] = torch.ones(layer.out_features, 2)
    told = {
        "lora_adapter_metadata": json.dumps({"unet.r": 2, "unet.lora_alpha": 4.0}),
        "ss_network_dim": "2",
        "ss_network_alpha": "4.0",
        "recipe": json.dumps({"name": "x"}),
    }
    return save(tensors, told)


def parts(content: bytes) -> tuple[dict, bytes]:
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def joined(header: bytes, body: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + body


def damages(content: bytes) -> list[Damage]:
    """Of the file, of its header's every value, and of what the metadata's texts say."""
    header, body = parts(content)
    found = [
        Damage("empty", b""),
        Damage("cut in the header", content[:40]),
        Damage("cut", content[:-40]),
        Damage("longer", content + b"more"),
        Damage("a pickle", b"\x80\x04\x95" + content),
        Damage("a zip", b"PK\x03\x04" + content),
        Damage("a header without end", b"\xff" * 8 + content),
        Damage("a page", b"<html>not found</html>"),
        Damage("zeros", bytes(400)),
        Damage("no JSON", joined(b"{" * 50, body)),
        Damage("a folder", None, is_folder=True),
    ]
    for place in places(header):
        damaged = json.dumps(put(json.loads(json.dumps(header)), place, HERE), ensure_ascii=False)
        for said, wrong in WRONG.items():
            text = damaged.replace(f'"{HERE}"', wrong).encode("utf-8", "surrogatepass")
            found.append(Damage(f"{'.'.join(map(str, place))} is {said}", joined(text, body)))
    for name, text in header["__metadata__"].items():
        for said, wrong in WRONG.items():
            told = {**header, "__metadata__": {**header["__metadata__"], name: wrong}}
            found.append(
                Damage(f"the text of {name} is {said}", joined(json.dumps(told).encode(), body))
            )
        if text.startswith("{"):
            for place in places(json.loads(text)):
                inner = json.dumps(put(json.loads(text), place, HERE), ensure_ascii=False)
                for said, wrong in WRONG.items():
                    own = {**header["__metadata__"], name: inner.replace(f'"{HERE}"', wrong)}
                    found.append(
                        Damage(
                            f"{name}: {place} is {said}",
                            joined(json.dumps({**header, "__metadata__": own}).encode(), body),
                        )
                    )
    return found


@pytest.mark.parametrize("each", [EACH, pytest.param(10_000, marks=pytest.mark.slow)])
def test_loras_of_others(tmp_path, each):
    content = whole()
    file = tmp_path / "theirs.safetensors"
    tried = [*damages(content)[:11], *some(damages(content)[11:], each, "LoRAs")]
    found, refused = [], 0
    for number, damage in enumerate([Damage("whole", content), *tried]):
        damage.of(file)
        answer, said = outcome(
            lambda number=number: list(
                adopt.run(adopt.Config(str(file), "theirs"), Store(tmp_path / f"run-{number}"))
            ),
            longest=LIBRARY,
        )
        assert number or answer == "taken", said
        refused += answer == "refused"
        found += [f"{damage.said}: {said}"] if answer == "fault" else []
    assert not found, f"{len(found)} of {len(tried)}:\n" + "\n\n".join(found[:10])
    assert refused > len(tried) / 4
