"""One throw-away overlay per library: the library itself and what its SAE classes really import, over the project's environment.

A library goes into a folder of its own under ``.sae_libraries/`` with ``pip install --no-deps --target``, and a child process finds
it through PYTHONPATH: nothing of it reaches the environment that the tests run in. What a library imports at its top and its SAE
classes never touch (language models, plots, image datasets) is stood in for by empty modules, named below.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
OVERLAYS = HERE.parent.parent / ".sae_libraries"

STAND_INS = '''"""Empty modules for packages that the library imports and its SAE classes do not use."""
import sys, types

class _Anything:
    def __init__(self, *args, **kwargs):
        raise RuntimeError("a stand-in was used: install the real package")

class _Module(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything

for _name in {names!r}:
    sys.modules[_name] = _Module(_name)
'''


@dataclass(frozen=True)
class Library:
    """What to install and what to stand in for.

    Attributes:
        requirements: installed without their dependencies.
        stand_ins: dotted module names.
    """

    name: str
    requirements: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()


LIBRARIES = {
    library.name: library
    for library in (
        Library("saelens"),  # in the environment of the full tests, as [train]
        Library("dictionary_learning", ("dictionary-learning==0.1.0", "zstandard==0.25.0"), ("nnsight",)),
        Library("sparsify", ("eai-sparsify==1.3.3", "natsort==8.4.0", "schedulefree==1.4.1")),
        Library("saev", ("saev==0.1.0",)),
        Library("overcomplete", ("overcomplete==0.3.0",), ("overcomplete.models", "overcomplete.visualization")),
    )
}


def overlay_of(library: Library) -> Path:
    """The library's folder; installed where it is not there yet, or was made from other requirements."""
    made_from = hashlib.sha256(repr((library, STAND_INS, sys.version_info[:2])).encode()).hexdigest()
    folder = OVERLAYS / library.name
    stamp = folder / ".made_from"
    if stamp.is_file() and stamp.read_text() == made_from:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if library.requirements:
        # Libraries name the Pythons that they were tried with; what is used of them is plain torch.
        quiet = ("--quiet", "--disable-pip-version-check", "--ignore-requires-python")
        subprocess.run([sys.executable, "-m", "pip", "install", *quiet, "--no-deps", "--target", str(folder), *library.requirements], check=True)
    (folder / "stand_ins.py").write_text(STAND_INS.format(names=library.stand_ins))
    stamp.write_text(made_from)
    return folder


def generate(library: Library, output: Path) -> None:
    """Run ``generate_<library>.py`` in a process that sees the library: it writes checkpoints and what the library computes from them.

    Raises:
        subprocess.CalledProcessError: the script failed; its output is on stderr.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {
        "PYTHONPATH": os.pathsep.join((str(overlay_of(library)), str(HERE))), "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled",
        "HF_HUB_OFFLINE": "1",
        # where torch came with triton, sparsify decodes with it, and that needs a GPU
        "SPARSIFY_DISABLE_TRITON": "1",
    }
    script = HERE / f"generate_{library.name}.py"
    subprocess.run([sys.executable, "-c", _RUN.format(script=str(script), output=str(output))], check=True, env=environment, stdout=sys.stderr)


# The stand-ins first, so that the library finds them.
_RUN = "import stand_ins, runpy, sys; sys.argv = [{script!r}, {output!r}]; runpy.run_path({script!r}, run_name='__main__')"

if __name__ == "__main__":
    # python tests/sae_libraries/environments.py OUTPUT [LIBRARY ...]: writes the files that the quick tests read.
    for chosen in sys.argv[2:] or LIBRARIES:
        generate(LIBRARIES[chosen], Path(sys.argv[1]) / chosen)
