"""Where weights lie: a name, a folder or a Hub id becomes a folder on this machine. No torch."""
import hashlib
import re
from pathlib import Path

from safetensors import SafetensorError

from engine.core.errors import EngineError
from engine.core.files import path_of
from engine.core.misfits import shortened

ASSETS = Path(__file__).parents[2] / "assets" / "storybook"
STORYBOOK = {"storybook": "base", "storybook-weak": "weak", "storybook-writer": "writer"}
"""The weights that ship: folders below assets/storybook, named as `engine.storybook package` names them."""

PIPELINE = "text-to-image pipeline"
LEFT_OUT = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
"""What a pipeline may bring along and is neither fetched nor loaded."""
BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, ImportError, RuntimeError,
          SafetensorError)
"""What diffusers and transformers raise for a checkpoint that is out of reach or does not fit together."""

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_WHOLE_WEIGHTS = re.compile(r"[^.]+\.safetensors")
"""`model.safetensors` and `model-00001-of-00002.safetensors`, not the variant `model.fp16.safetensors`."""


def local_folder(model_id: str) -> Path | None:
    """The folder that a Storybook name or a path means; None when `model_id` can only be a Hub id.

    Raises EngineError when it is neither, or when the folder is missing.
    """
    if part := STORYBOOK.get(model_id):
        if not (ASSETS / part).is_dir():
            training = "base" if part == "weak" else part
            raise EngineError(f"The weights of {model_id!r} are missing from assets/storybook/{part}. Fetch them with "
                              f"the repository, or: python -m engine.storybook train {training}, then package {part}.")
        return ASSETS / part
    if model_id and (folder := path_of(model_id)).is_dir():
        return folder
    if not _HUB_ID.fullmatch(model_id):
        raise EngineError(f"There is no folder {shortened(model_id)}. Name an existing folder, a "
                          f"Hub id such as owner/model, or one of {', '.join(STORYBOOK)}.")
    return None


def check_id(model_id: str) -> None:
    """Raises EngineError for what can be nothing: before anything runs, and without asking the Hub."""
    if local_folder(model_id) is None and "/" not in model_id:
        raise EngineError(f"There is no folder {shortened(model_id)}, and a Hub id has its owner "
                          "before a slash. Name a folder, owner/model, or one of "
                          f"{', '.join(STORYBOOK)}.")


def pipeline_folder(model_id: str, revision: str | None = None) -> Path:
    """The folder of a diffusers pipeline; a Hub id is downloaded first, or found where it was downloaded to.

    Raises EngineError as `local_folder` does, and for a Hub that cannot be reached or does not have it.
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
        raise EngineError(f"{model_id} is no diffusers pipeline: it has no model_index.json. "
                          "Name a folder that `pipe.save_pretrained` wrote.")


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
        return EngineError(f"{model_id} is gated. Accept its licence at huggingface.co/{model_id}, then "
                           "log in with `hf auth login`.")
    if any_is(RevisionNotFoundError):
        return EngineError(f"{model_id} has no such revision. Leave the revision empty for its newest one.")
    if any_is(RepositoryNotFoundError):
        return EngineError(f"There is neither a folder nor a Hub model called {model_id!r}. Check the "
                           "spelling, or log in with `hf auth login` if it is private.")
    if any_is(HTTPError, LocalEntryNotFoundError, ConnectionError):
        return EngineError(f"{model_id} is not on this machine and the Hub cannot be reached "
                           f"({_first_line(error)}). Check the connection, or name a local folder.")
    return EngineError(f"{model_id} does not load as a {kind} with safetensors weights "
                       f"({_first_line(error)}). Fetch or save it again; pickled weights (.bin, .ckpt) and a "
                       "checkpoint's own code are never loaded.")


def fingerprint(folder: Path) -> str:
    """sha256 over names and bytes of a checkpoint's safetensors files, no variants, no safety checker."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        name = path.relative_to(folder).as_posix()
        if _WHOLE_WEIGHTS.fullmatch(path.name) and not name.startswith("safety_checker/"):
            digest.update(name.encode())
            with open(path, "rb") as weights:
                digest.update(hashlib.file_digest(weights, "sha256").digest())
    return digest.hexdigest()


def local_fingerprint(model_id: str) -> str:
    """The fingerprint of weights that lie in a folder of this machine; "" for a model that may be elsewhere."""
    part = STORYBOOK.get(model_id)
    if not model_id:
        return ""
    folder = ASSETS / part if part else path_of(model_id)
    return fingerprint(folder) if folder.is_dir() else ""


def _chain(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
