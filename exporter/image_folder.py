"""The images of a folder: which files, in which order, with which labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tb_visualscratchpad.exporter.pictures import IMAGE_SUFFIXES
from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True)
class ImageFolder:
    """Images under a folder, sorted by name unless ``in_order`` says otherwise.

    Attributes:
        root: the folder.
        names: paths relative to it, with forward slashes.
        label_names: the subfolders directly under ``root`` that hold images, sorted; empty where there are none.
        labels: into ``label_names``, -1 for an image directly under ``root``.
    """

    root: Path
    names: tuple[str, ...]
    label_names: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def path(self, index: int) -> Path:
        return self.root / self.names[index]

    def in_order(self, indices: Sequence[int]) -> ImageFolder:
        """The images at ``indices``, in that order."""
        return replace(
            self, names=tuple(self.names[index] for index in indices), labels=tuple(self.labels[index] for index in indices)
        )


def list_images(root: Path, limit: int | None = None) -> ImageFolder:
    """All images under a folder, at any depth; hidden files and folders are left out, links are followed.

    Args:
        limit: at most so many, spread evenly over the sorted names, so that every class subfolder is still seen.

    Raises:
        ScratchpadError: there is no such folder, no image in it, or the limit is below 1.
    """
    root = Path(root).expanduser()
    if limit is not None and limit < 1:
        raise ScratchpadError(f"The limit is {limit} images: expected at least 1.")
    if not root.is_dir():
        kind = "is a file" if root.exists() else "does not exist"
        raise ScratchpadError(
            f"The image folder {root} {kind}: give a folder with images, class subfolders are taken as labels."
        )
    names = sorted(_image_names(root))
    if not names:
        raise ScratchpadError(
            f"There is no image under {root}: expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    label_names = tuple(sorted({name.split("/", 1)[0] for name in names if "/" in name}))
    if limit is not None and limit < len(names):
        names = [names[index * len(names) // limit] for index in range(limit)]
    number = {label: index for index, label in enumerate(label_names)}
    labels = tuple(number[name.split("/", 1)[0]] if "/" in name else -1 for name in names)
    return ImageFolder(root=root, names=tuple(names), label_names=label_names, labels=labels)


def _image_names(root: Path) -> list[str]:
    found: list[str] = []
    seen: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        inside = Path(folder).relative_to(root)
        found += [
            (inside / name).as_posix()
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES
        ]
    return found
