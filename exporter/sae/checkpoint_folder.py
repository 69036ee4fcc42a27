"""From what a user types after ``--sae`` to a local folder or file: ``demo``, ``demo-bad``, a path, or a Hugging Face hub id."""

from __future__ import annotations

import re
from pathlib import Path

from tb_visualscratchpad.exporter.sae.checkpoint_files import WEIGHTS_SUFFIXES
from tb_visualscratchpad.wire.errors import ScratchpadError

DEMO = "demo"
DEMO_BAD = "demo-bad"
_BUNDLE = Path(__file__).resolve().parent.parent / "demo" / "bundle" / "sae"
BADLY_TRAINED = _BUNDLE.with_name("sae_badly_trained")
"""A second dictionary of the demo's model, which trained badly on purpose (``exporter/demo/train_badly.py``)."""
_HUB_ID = re.compile(r"(?P<repository>[\w-][\w.-]*/[\w-][\w.-]*)(/(?P<inside>[^\s]+?))?/?")


def find_checkpoint(source: str | Path) -> tuple[Path, str]:
    """Where a checkpoint is, and the name to show for it.

    Args:
        source: ``demo``; ``demo-bad``; a folder; a file of weights; a config, which stands for its folder; or
            ``owner/repository[/folder or file inside]`` on the hub.

    Returns:
        A folder, or a file of weights.

    Raises:
        ScratchpadError: there is no such place, or the hub does not give it.
    """
    text = str(source)
    if text == DEMO:
        if not _BUNDLE.is_dir():
            raise ScratchpadError(f"The demo's SAE is missing at {_BUNDLE}: reinstall tb-visualscratchpad[exporter].")
        return _BUNDLE, DEMO
    if text == DEMO_BAD:
        if not BADLY_TRAINED.is_dir():
            raise ScratchpadError(
                f"The demo's badly trained SAE is missing at {BADLY_TRAINED}: reinstall tb-visualscratchpad[exporter], or train it with "
                "`python -m tb_visualscratchpad.exporter.demo.train_badly`."
            )
        return BADLY_TRAINED, "demo, badly trained"
    path = Path(text).expanduser()
    if path.is_file() and path.suffix != ".json":
        return path, f"{path.absolute().parent.name}/{path.name}"
    if path.is_file():
        path = path.parent
    if path.is_dir():
        return path, _resolved(path).name
    hub_id = _HUB_ID.fullmatch(text)
    if hub_id is None or path.is_symlink():
        raise ScratchpadError(
            f"There is no SAE at {text}: give a folder with the config and weights of an SAE, its file of weights, a hub id owner/name, or 'demo'."
        )
    return _from_hub(hub_id["repository"], hub_id["inside"]), text.rstrip("/")


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of links above it
        return path.absolute()


def _from_hub(repository: str, inside: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    inside = inside or ""
    file = inside if Path(inside).suffix in WEIGHTS_SUFFIXES else None
    prefix = "".join(f"{part}/" for part in Path(inside).parts[: -1 if file else None])
    patterns = [f"{prefix}*.json", *([file] if file else [f"{prefix}*.safetensors", f"{prefix}*.pt"])]
    try:
        folder = Path(snapshot_download(repository, allow_patterns=patterns)) / inside
    except GatedRepoError as error:
        raise ScratchpadError(
            f"{repository} is gated: accept its licence at https://huggingface.co/{repository}, then run 'hf auth "
            "login'."
        ) from error
    except RepositoryNotFoundError as error:
        raise ScratchpadError(
            f"{repository} is neither a folder here nor a repository on the hub (or it is private: run 'hf auth "
            "login'): check the name."
        ) from error
    except HFValidationError as error:
        raise ScratchpadError(
            f"{repository} is neither a folder here nor a possible hub id: check the name."
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise ScratchpadError(
            f"{repository} is not a folder here, not in the local hub cache, and the hub cannot be reached: "
            "go online, or download it elsewhere and give the folder."
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise ScratchpadError(
            f"Downloading {repository} failed: {error}. Try again, or download it elsewhere and give the folder."
        ) from error
    if not (folder.is_file() if file else folder.is_dir()):
        raise ScratchpadError(
            f"The hub repository {repository} has no SAE at '{inside}': look at "
            f"https://huggingface.co/{repository}/tree/main."
        )
    return folder
