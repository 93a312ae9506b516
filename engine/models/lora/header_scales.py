"""What the header of a LoRA file says of alpha: a layer's delta is alpha / rank * B @ A.

diffusers keeps peft's fields in one nested table; other programs write them, or kohya's own, flat
among the header's strings. A layer's own alpha counts before all of these, and no alpha anywhere
means the rank.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from pathlib import Path
from typing import Any, NamedTuple

from engine.core.errors import EngineError
from engine.models.lora import prefixes
from engine.models.lora.alphas import EXPORT_AGAIN, AlphaPattern, excerpt, parse_alpha, parse_rank

NESTED = "lora_adapter_metadata"
"""Where diffusers keeps peft's LoraConfig as JSON, with the component's name before each field."""
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
ZERO_IS_THE_RANK = {"ss_network_alpha": ("0", "0.0")}
"""kohya's trainer takes an alpha of 0 as the rank."""


class Scales(NamedTuple):
    """What a file says of alpha beyond its tensors."""

    fields: dict[str, Any]
    """peft's, by name."""
    alpha: float | None
    """None: alpha is each layer's rank."""
    rank: int | None
    """The only rank there may be; None where there may be several, or none is named."""
    pattern: AlphaPattern
    place: str
    """The file, as the start of a sentence."""

    def scale(self, path: str, rank: int) -> float:
        """alpha / rank of a layer, by peft's rules.

        Raises EngineError where the rank is another than the alpha was written for.
        """
        alpha = self.pattern.alpha(path)
        if alpha is None:
            alpha = self.alpha
        if alpha is None:
            return 1.0
        if self.rank not in (None, rank):
            raise EngineError(
                f"{self.place} the rank is told to be {self.rank}, and {path} has "
                f"rank {rank}: which alpha it has is unknown. {EXPORT_AGAIN}"
            )
        # rank-stabilised LoRA divides by the root of the rank
        is_stabilised = self.fields.get("use_rslora")
        return alpha / (rank**0.5 if is_stabilised else rank)


def read_scales(header: Mapping[str, str], file: Path) -> Scales:
    """By the header's strings; `file` is where they stand, for what is said of them.

    Raises EngineError, naming file and field, for values of a wrong type or size.
    """
    place = f"{file}:"
    fields: dict[str, Any] = {}
    for name, value in (_flat_fields(header, place) | nested_fields(header, file)).items():
        if value is not None:
            fields[name] = value
    _check_flags(fields, place)
    alpha, rank = None, None
    if "lora_alpha" in fields:
        alpha = parse_alpha(fields["lora_alpha"], f"{place} lora_alpha")
    if "r" in fields:
        rank = parse_rank(fields["r"], f"{place} r")
    if fields.get("rank_pattern"):
        rank = None
    pattern = AlphaPattern(fields.get("alpha_pattern", {}), place)
    return Scales(fields, alpha, rank, pattern, place)


def nested_fields(header: Mapping[str, str], file: Path) -> dict[str, Any]:
    """peft's fields for the denoiser as diffusers keeps them; those with its name count first."""
    plain, named = {}, {}
    for name, value in json_table(header, NESTED, file).items():
        if "." not in name:
            plain[name] = value
        for prefix in prefixes.of_denoisers("diffusers"):
            if name.startswith(prefix):
                named[name.removeprefix(prefix)] = value
    return plain | named


def json_table(header: Mapping[str, str], name: str, file: Path) -> dict[str, Any]:
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
    header: Mapping[str, str], file: Path, alphas: Sequence[float], place: str
) -> list[str]:
    """A sentence for each alpha of the header that does not count.

    `alphas` are those that do, and `place` where they stand; without any it is the header's first.
    """
    in_header = _alphas_in_header(header, file)
    if not alphas and in_header:
        place = list(in_header)[0]
        alphas = [in_header[place]]
    sentences = []
    for name, alpha in in_header.items():
        if not any(isclose(alpha, other, rel_tol=0.01) for other in alphas):
            sentences.append(
                f"Its header says alpha {alpha:g} ({name}), {place} {_enumerate(alphas)}: "
                "the latter counts."
            )
    return sentences


def _alphas_in_header(header: Mapping[str, str], file: Path) -> dict[str, float]:
    """Every alpha of a header by its name there, in the order in which they count."""
    alphas: dict[str, Any] = {NESTED: nested_fields(header, file).get("lora_alpha")}
    for name, rank_name in FLAT.items():
        if name == "alpha" and rank_name not in header:
            continue  # the word alone may mean anything
        for key in _spellings(name):
            alphas[key] = _parse(header.get(key, ""))
    numbers = {}
    for name, alpha in alphas.items():
        is_number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
        if is_number and 0 < abs(alpha) < 1e300:
            numbers[name] = float(alpha)
    return numbers


def _spellings(name: str) -> Iterator[str]:
    """A field's names among a header's own strings; the first that is there counts."""
    for prefix in prefixes.of_denoisers("diffusers"):
        yield f"{prefix}{name}"
    yield name


def _flat_fields(header: Mapping[str, str], place: str) -> dict[str, Any]:
    """peft's fields out of a header's own strings.

    Raises EngineError for an alpha or a rank under another name that is none.
    """
    fields = {}
    for name in FIELDS:
        for key in _spellings(name):
            if key in header:
                if header[key] not in UNKNOWN:
                    fields[name] = _parse(header[key])
                break
    for name, rank_name in FLAT.items():
        if "lora_alpha" in fields:
            break
        if not _has_alpha(header, name):
            continue
        fields["lora_alpha"] = parse_alpha(_parse(header[name]), f"{place} {name}")
        if header.get(rank_name, "") not in UNKNOWN:
            fields["r"] = parse_rank(_parse(header[rank_name]), f"{place} {rank_name}")
    return fields


def _has_alpha(header: Mapping[str, str], name: str) -> bool:
    text = header.get(name, "")
    if text in UNKNOWN or text in ZERO_IS_THE_RANK.get(name, ()):
        return False
    return name != "alpha" or FLAT[name] in header  # the word alone may mean anything


def _check_flags(fields: Mapping[str, Any], place: str) -> None:
    for flag in FLAGS:
        value = fields.get(flag, False)
        if not isinstance(value, bool):
            raise EngineError(
                f"{place} {flag} is {excerpt(value)}, neither true nor false. {EXPORT_AGAIN}"
            )


def _parse(text: str) -> Any:
    """What a header's string stands for: a number, true or false, a table; otherwise the string."""
    spelling = {"True": "true", "False": "false"}  # Python's, in JSON's
    try:
        return json.loads(spelling.get(text, text))
    except (ValueError, RecursionError):
        return text


def _enumerate(numbers: Sequence[float]) -> str:
    texts = [f"{number:g}" for number in sorted(set(numbers))]
    if len(texts) > 3:
        return ", ".join(texts[:3]) + " and others"
    return ", ".join(texts)
