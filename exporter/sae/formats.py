"""Which layout a checkpoint has: the registry of formats, asked one after the other."""

from __future__ import annotations

from pathlib import Path

from tb_visualscratchpad.exporter.sae import (
    dictionary_learning,
    fastsae,
    overcomplete,
    patchsae,
    saelens,
    saev,
    sparsify,
    vit_prisma,
)
from tb_visualscratchpad.exporter.sae.answers import Answers, AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, WeightsFile, read_checkpoint_files
from tb_visualscratchpad.exporter.sae.found_checkpoint import Format, FoundCheckpoint
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.standard_tensors import STANDARD
from tb_visualscratchpad.wire.errors import ScratchpadError

FORMATS: tuple[Format, ...] = (saev, vit_prisma, patchsae, fastsae, dictionary_learning, sparsify, overcomplete, saelens)
"""Each has ``FORMAT``, ``recognises`` and ``load``. SAELens comes last: its tensors are named like those of others, whose configs are rarer."""
CONFIG_CLASSES = frozenset(named for module in FORMATS for named in getattr(module, "CONFIG_CLASSES", ()))
"""Module and name of the classes whose pickled objects formats read as their fields."""


def load_checkpoint(place: Path, name: str, answers: Answers) -> SparseAutoencoder:
    """The SAE at ``place``, a folder or a file of weights; in float32 (float64 where stored so), on the CPU.

    Args:
        name: what the user calls it.

    Raises:
        ScratchpadError: there is none, or more than one; it cannot be read, or does not say something that is needed.
    """
    files = read_checkpoint_files(place, CONFIG_CLASSES)
    recognised = [(file, module) for file in files.weights if (module := _format_of(file, files)) is not None]
    if len(recognised) > 1:
        names = ", ".join(file.path.name for file, _ in recognised[:6])
        raise ScratchpadError(f"{place} holds {len(recognised)} SAEs ({names}): give the path of one of them.")
    if not recognised:
        raise _none(place, files)
    (weights, module), sheet = recognised[0], AnswerSheet(answers)
    sae = module.load(FoundCheckpoint(name, weights, files), sheet)
    assert sae.report is not None, "every loader reports"
    sheet.refuse_unused(f"{place} is a {sae.report.architecture} SAE of {sae.report.format}")
    return sae


def _format_of(weights: WeightsFile, files: CheckpointFiles) -> Format | None:
    return next((module for module in FORMATS if module.recognises(weights, files)), None)


def _none(place: Path, files: CheckpointFiles) -> ScratchpadError:
    """Why there is no SAE."""
    if files.unreadable:
        first = min(files.unreadable, key=lambda file: file.path != place)
        return ScratchpadError(first.sentence)
    for file in files.weights:
        names = set(file.shapes)
        if STANDARD <= names:
            return ScratchpadError(
                f"{file.path} holds {', '.join(sorted(names))[:200]}, which several libraries name so and read differently, and nothing beside it "
                "says which: put the config of its library into the same folder, or a cfg.json as SAELens 6 writes it."
            )
        if "norm.weight" in names and any(name.startswith("encoder.") for name in names):
            return ScratchpadError(
                f"{file.path} looks like a deeplens SAE, which stores neither k nor its activation and keeps latents by magnitude, negative ones "
                "too: no view here can show it."
            )
    if files.weights:
        file = files.weights[0]
        return ScratchpadError(
            f"{file.path} holds {', '.join(sorted(file.shapes))[:200] or 'no tensors'}: no SAE layout that is read here has these. docs/sae_formats.md "
            "lists them."
        )
    if files.configs:
        return ScratchpadError(
            f"{place} has {files.configs[0].path.name} but no weights beside it: {saelens.WEIGHTS_FILE} does not exist, nor any other file of tensors."
        )
    return ScratchpadError(
        f"{place} holds no SAE: expected a folder with {saelens.CONFIG_FILE} and {saelens.WEIGHTS_FILE} as SAELens saves them, or a file of "
        f"another library.{_nearby(place)}"
    )


def _nearby(place: Path) -> str:
    if not place.is_dir():
        return ""
    inside = sorted({path.parent.relative_to(place).as_posix() for pattern in ("*/*.safetensors", "*/*.pt") for path in place.glob(pattern)})
    return f" Folders in it that do: {', '.join(inside[:5])}." if inside else ""
