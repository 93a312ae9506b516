"""Where weights lie: a name, a folder or a Hub id becomes a folder on this machine. No torch."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from engine.core.errors import EngineError
from engine.core.files import path_of
from engine.core.misfits import shortened
from engine.models import shipped, weight_files
from engine.models.identity import FORMERLY
from engine.models.identity import fingerprint as fingerprint
from engine.models.identity import recognised as recognised

SHIPPED = {name: model.folder for name, model in shipped.MODELS.items()}
"""The folder of each model that ships, by its name, whether the weights are there or not."""

PIPELINE = "text-to-image pipeline"
LEFT_OUT = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
"""What a pipeline may bring along and is neither fetched nor loaded."""
BROKEN = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
    RuntimeError,
    SafetensorError,
)
"""What diffusers and transformers raise for a checkpoint that is out of reach or does not fit
together.
"""

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def local_folder(model_id: str) -> Path | None:
    """The folder that a name in SHIPPED or a path means; None when `model_id` can only be a Hub id.

    Raises EngineError when it is neither, or when the folder is missing.
    """
    if ours := SHIPPED.get(model_id):
        if not ours.is_dir():
            raise _missing(model_id, ours)
        return ours
    if model_id and (folder := path_of(model_id)).is_dir():
        return folder
    if not _HUB_ID.fullmatch(model_id):
        raise EngineError(
            f"There is no folder {shortened(model_id)}. Name an existing folder, a "
            f"Hub id such as owner/model, or one of {', '.join(SHIPPED)}."
        )
    return None


def place_of(folder: Path) -> str:
    """Where the weights of a model that ships lie in the repository: assets/<world>/<folder>."""
    return "/".join(folder.parts[-3:])


def _missing(model_id: str, folder: Path) -> EngineError:
    return EngineError(
        f"The weights of {model_id!r} are missing from {place_of(folder)}. Fetch them with the "
        f"repository, or: {shipped.MODELS[model_id].training_commands}."
    )


def check_id(model_id: str) -> None:
    """Raises EngineError for what can be nothing; nothing runs, and the Hub is not asked."""
    if local_folder(model_id) is None and "/" not in model_id:
        raise EngineError(
            f"There is no folder {shortened(model_id)}, and a Hub id has its owner "
            "before a slash. Name a folder, owner/model, or one of "
            f"{', '.join(SHIPPED)}."
        )


def pipeline_folder(model_id: str, revision: str | None = None) -> Path:
    """The folder of a diffusers pipeline; a Hub id is downloaded first, or found where it was
    downloaded to.

    Raises EngineError as `local_folder` does, and for a Hub that cannot be reached or does not have
    it.
    """
    folder = local_folder(model_id)
    if folder is None:
        from diffusers import DiffusionPipeline

        try:
            options = {"revision": revision, "use_safetensors": True, **LEFT_OUT}
            folder = Path(DiffusionPipeline.download(model_id, **options))
        except BROKEN as error:
            raise cannot_load(model_id, PIPELINE, error) from error
    _check_is_pipeline(model_id, folder)
    return folder


def check_base(model_id: str) -> Path | None:
    """The folder of a base that is on this machine, None for one of the Hub; nothing is loaded.

    Raises EngineError for what can be no diffusers pipeline.
    """
    check_id(model_id)
    folder = local_folder(model_id)
    if folder is not None:
        _check_is_pipeline(model_id, folder)
    return folder


def _check_is_pipeline(model_id: str, folder: Path) -> None:
    if not (folder / "model_index.json").is_file():
        raise EngineError(
            f"{model_id} is no diffusers pipeline: it has no model_index.json. "
            "Name a folder that `pipe.save_pretrained` wrote."
        )


def cannot_load(model_id: str, kind: str, error: Exception) -> EngineError:
    """The sentence for a checkpoint that did not open as a `kind`, by what went wrong and where."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    causes = _chain(error)

    def any_is(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if any_is(GatedRepoError):
        return EngineError(
            f"{model_id} is gated. Accept its licence at huggingface.co/{model_id}, then "
            "log in with `hf auth login`."
        )
    if any_is(RevisionNotFoundError):
        return EngineError(
            f"{model_id} has no such revision. Leave the revision empty for its newest one."
        )
    if any_is(RepositoryNotFoundError):
        return EngineError(
            f"There is neither a folder nor a Hub model called {model_id!r}. Check the "
            "spelling, or log in with `hf auth login` if it is private."
        )
    if any_is(HTTPError, LocalEntryNotFoundError, ConnectionError):
        return EngineError(
            f"{model_id} is not on this machine and the Hub cannot be reached "
            f"({first_line(error)}). Check the connection, or name a local folder."
        )
    return EngineError(
        f"{model_id} does not load as a {kind} with safetensors weights "
        f"({first_line(error)}). Fetch or save it again; pickled weights (.bin, "
        ".ckpt) and a checkpoint's own code are never loaded."
    )


def faulty(model_id: str, kind: str, fault: Any) -> EngineError:
    """The sentence for a checkpoint that is not whole, with its fault and the remedy for that."""
    return EngineError(f"{model_id} does not load as a {kind}: {fault}. {fault.remedy}.")


def identity_of(base: Mapping[str, Any]) -> str:
    """What a recipe says of its base, comparable with others: its weights, or else its name."""
    recorded, folder = base.get("sha256"), _on_this_machine(base.get("model"), base.get("revision"))
    if not recorded:
        return str(base.get("model"))
    if folder is None:
        return str(FORMERLY.get(recorded, recorded))
    return str(recognised(recorded, fingerprint(folder)))


def _on_this_machine(model_id: Any, revision: str | None) -> Path | None:
    """Where weights lie already; nothing is fetched."""
    from huggingface_hub import try_to_load_from_cache

    if not isinstance(model_id, str):
        return None
    try:
        folder = local_folder(model_id)
    except EngineError:  # named by a folder that is gone
        return None
    if folder or "/" not in model_id:
        return folder
    index = try_to_load_from_cache(model_id, weight_files.INDEX, revision=revision)
    return Path(index).parent if isinstance(index, str) else None


def local_fingerprint(model_id: str) -> str:
    """The fingerprint of weights that lie in a folder of this machine; "" for a model that may be
    elsewhere.
    """
    if not model_id:
        return ""
    folder = SHIPPED.get(model_id) or path_of(model_id)
    return fingerprint(folder) if folder.is_dir() else ""


def _chain(error: BaseException | None) -> list[BaseException]:
    causes = []
    while error is not None:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def first_line(error: Exception) -> str:
    """What an error of others says, short enough for a sentence."""
    stripped = [line.strip() for line in str(error).splitlines()]
    lines = list(filter(None, stripped))
    count = 2 if lines and lines[0].endswith(":") else 1
    text = " ".join(lines[:count])
    if not text or isinstance(error, LookupError):  # whose text is only what was looked for
        text = f"{type(error).__name__} {text}".strip()
    return _without_middle(text).rstrip(".")


def _without_middle(text: str) -> str:
    """At most 200 characters: long paths fill the middle, and the name that matters ends them."""
    return text if len(text) <= 200 else f"{text[:95]} ... {text[-100:]}"
