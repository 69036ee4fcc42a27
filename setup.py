"""Builds and installs tb-visualscratchpad: the TensorBoard plugin, with ``[exporter]`` what writes its logs, with ``[train]`` SAELens too."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
PACKAGE = ROOT / "tb_visualscratchpad"


def refuse_broken_links() -> None:
    """Stop with a sentence where a link of the package came out of git as a text file (Windows without link support)."""
    for name in ("exporter", "frontend_static"):
        if not (PACKAGE / name).is_dir():
            sys.exit(
                f"tb_visualscratchpad/{name} should be a link to the folder ../{name}, but it is a plain file: this checkout "
                "was made without support for symbolic links. Turn it on (Windows: Developer Mode, then "
                "`git config core.symlinks true` and `git checkout -- tb_visualscratchpad`), or install a released wheel."
            )


def read_version() -> str:
    """The version as the package states it, read without importing the package."""
    found = re.search(r'^__version__ = "([^"]+)"$', (PACKAGE / "__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        sys.exit('tb_visualscratchpad/__init__.py has no line `__version__ = "..."`: restore it.')
    return found.group(1)


refuse_broken_links()

EXPORTER = [
    "accelerate>=1.0",
    "huggingface_hub>=1.0",
    "jinja2>=3.1",
    "scikit-learn>=1.3",
    "torch>=2.6",
    "tqdm>=4.60",
    "transformers>=5.0",
    "umap-learn>=0.5.5",
]
# For `train-sae` alone (700 MB): of the libraries that train SAEs, the one that takes a bare stream of activations, tells its
# figures step by step, and writes the format that is read here.
TRAIN = ["sae-lens>=6.54,<7"]
TEST = [
    "grpcio-tools",
    "mypy",
    "playwright>=1.40",
    "psutil",
    "pytest>=8",
    "pytest-xdist>=3.6",
    "ruff>=0.5",
    "setuptools>=70.1",
]

setup(
    name="tb-visualscratchpad",
    version=read_version(),
    description="A TensorBoard tab: which visual concepts a vision-language model saw, and which of them each word of its answer used",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "exporter/demo/bundle/glyphs/OFL.txt"],
    python_requires=">=3.11",
    packages=find_packages(include=["tb_visualscratchpad", "tb_visualscratchpad.*"]),
    package_data={
        "tb_visualscratchpad": ["frontend_static/**/*", "wire/*.proto"],
        "tb_visualscratchpad.exporter": ["demo/bundle/**/*"],
    },
    install_requires=[
        "numpy>=1.26",
        "pillow>=10",
        "protobuf>=6.31.1",
        "safetensors>=0.4",
        "scipy>=1.11",
        "tensorboard>=2.21",
        "werkzeug>=2.0",
    ],
    extras_require={"exporter": EXPORTER, "train": EXPORTER + TRAIN, "test": TEST},
    entry_points={
        "tensorboard_plugins": ["visualscratchpad = tb_visualscratchpad.plugin:VisualScratchpadPlugin"],
        "console_scripts": ["visualscratchpad = tb_visualscratchpad.exporter.cli:main"],
    },
    zip_safe=False,
)
