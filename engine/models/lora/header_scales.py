"""What the header of a LoRA file says of alpha: a layer's delta is alpha / rank * B @ A.

diffusers keeps peft's fields in one nested table; other programs write them, or kohya's own, flat
among the header's strings. A layer's own alpha counts before all of these, and no alpha anywhere
means the rank.
"""

import json
from collections.abc import Iterable, Mapping
from math import isclose
from pathlib import Path
from typing import Any, NamedTuple

from engine.core.errors import EngineError
from engine.models.lora import prefixes
from engine.models.lora.alphas import ANEW, Patterns, number, rank, shown

NESTED = "lora_adapter_metadata"
"""Where diffusers keeps peft's LoraConfig as JSON, with the component's name before each field."""
PREFIX = "unet."
FLAGS = ("use_rslora", "use_dora", "lora_bias", "use_qalora")
FIELDS = ("lora_alpha", "r", "alpha_pattern", "rank_pattern", "init_lora_weights", *FLAGS)
FLAT = {
    "lora_alpha": "r",
    "network_alpha": "network_dim",
    "ss_network_alpha": "ss_network_dim",
    "alpha": "rank",
}
"""alpha, and the rank beside it, as a header's own strings; the first that is there counts."""
UNKNOWN = ("", "None", "Dynamic")
"""What kohya's tools write where it differs by layer, or is left to the network."""
THE_RANK = {"ss_network_alpha": ("0", "0.0")}
"""kohya's trainer takes an alpha of 0 as the rank."""


class Scales(NamedTuple):
    """What a file says of alpha beyond its tensors."""

    fields: dict[str, Any]
    """peft's, by name."""
    alpha: float | None
    """None: alpha is each layer's rank."""
    rank: int | None
    """The only rank there may be; None where there may be several, or none is named."""
    patterns: Patterns
    where: str
    """The file, as the start of a sentence."""

    def of(self, path: str, rank: int) -> float:
        """alpha / rank of a layer, by peft's rules.

        Raises EngineError where the rank is another than the alpha was told for.
        """
        alpha = self.patterns.alpha(path)
        if alpha is None:
            alpha = self.alpha
        if alpha is None:
            return 1.0
        if self.rank not in (None, rank):
            raise EngineError(
                f"{self.where} the rank is told to be {self.rank}, and {path} has "
                f"rank {rank}: which alpha it has is unknown. {ANEW}"
            )
        return alpha / (rank**0.5 if self.fields.get("use_rslora") else rank)


def of_header(header: Mapping[str, str], file: Path, told_in: Path | None = None) -> Scales:
    """By the header of `file`; `told_in` is where its fields really stand, if elsewhere.

    Raises EngineError, naming file and field, for values of a wrong type or size.
    """
    where = f"{told_in or file}:"
    found = _flat(header, where) | nested(header, file)
    fields = {name: value for name, value in found.items() if value is not None}
    for flag in FLAGS:
        if not isinstance(fields.get(flag, False), bool):
            told = shown(fields[flag])
            raise EngineError(f"{where} {flag} is {told}, neither true nor false. {ANEW}")
    alpha = number(fields["lora_alpha"], f"{where} lora_alpha") if "lora_alpha" in fields else None
    only = rank(fields["r"], f"{where} r") if "r" in fields else None
    patterns = Patterns(fields.get("alpha_pattern", {}), where)
    return Scales(fields, alpha, None if fields.get("rank_pattern") else only, patterns, where)


def nested(header: Mapping[str, str], file: Path) -> dict[str, Any]:
    """peft's fields for the denoiser as diffusers keeps them; those with its name count first."""
    told = parsed(header, NESTED, file)
    plain = {name: value for name, value in told.items() if "." not in name}
    of_denoiser = {}
    for prefix in prefixes.of_denoisers("diffusers"):
        for name, value in told.items():
            if name.startswith(prefix):
                of_denoiser[name.removeprefix(prefix)] = value
    return plain | of_denoiser


def parsed(header: Mapping[str, str], name: str, file: Path) -> dict[str, Any]:
    """A table that a header holds as JSON; empty where it is not there.

    Raises EngineError for anything else.
    """
    try:
        value = json.loads(header.get(name, "{}"))
    except (ValueError, RecursionError) as error:
        raise EngineError(f"{file} has a damaged header ({name}). Make it again.") from error
    if not isinstance(value, dict):
        raise EngineError(f"{file} has a damaged header ({name} is no table). Make it again.")
    return value


def contradictions(
    header: Mapping[str, str], file: Path, alphas: Iterable[float], stand_in: str = "its layers"
) -> list[str]:
    """A sentence for each alpha of the header that does not count.

    `alphas` are those that do, and where they stand; without any it is the header's first.
    """
    told, own = _alphas(header, file), list(alphas)
    if not own:
        own, stand_in = [*told.values()][:1], next(iter(told), "")
    return [
        f"Its header says alpha {alpha:g} ({name}), {stand_in} {_list(own)}: the latter counts."
        for name, alpha in told.items()
        if not any(isclose(alpha, one, rel_tol=0.01) for one in own)
    ]


def _alphas(header: Mapping[str, str], file: Path) -> dict[str, float]:
    """Every alpha of a header by its name there, in the order in which they count."""
    found: dict[str, Any] = {NESTED: nested(header, file).get("lora_alpha")}
    for name, of_rank in FLAT.items():
        if name != "alpha" or of_rank in header:
            found |= {key: _value(header.get(key, "")) for key in (f"{PREFIX}{name}", name)}
    numbers = {
        name: alpha
        for name, alpha in found.items()
        if isinstance(alpha, int | float) and not isinstance(alpha, bool)
    }
    return {name: float(alpha) for name, alpha in numbers.items() if 0 < abs(alpha) < 1e300}


def _flat(header: Mapping[str, str], where: str) -> dict[str, Any]:
    """peft's fields out of a header's own strings."""
    fields = {
        name: _value(text)
        for name in FIELDS
        if (text := header.get(f"{PREFIX}{name}", header.get(name, ""))) not in UNKNOWN
    }
    for name, of_rank in FLAT.items():
        if "lora_alpha" in fields or header.get(name, "") in (*UNKNOWN, *THE_RANK.get(name, ())):
            continue
        if name == "alpha" and of_rank not in header:  # the word alone may mean anything
            continue
        fields["lora_alpha"] = number(_value(header[name]), f"{where} {name}")
        if header.get(of_rank, "") not in UNKNOWN:
            fields["r"] = rank(_value(header[of_rank]), f"{where} {of_rank}")
    return fields


def _value(text: str) -> Any:
    """What a header's string stands for: a number, true or false, a table; otherwise the string."""
    try:
        return json.loads({"True": "true", "False": "false"}.get(text, text))
    except (ValueError, RecursionError):
        return text


def _list(numbers: Iterable[float]) -> str:
    found = [f"{number:g}" for number in sorted(set(numbers))]
    return ", ".join(found[:3]) + (" and others" if len(found) > 3 else "")
