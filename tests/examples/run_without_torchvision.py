"""Runs a script that imports overcomplete where torchvision is not installed: ``python run_without_torchvision.py SCRIPT ARGUMENT ...``.

overcomplete imports torchvision for models that training an SAE does not touch. Its wheels fit one build of torch each, and a wrong
one breaks transformers too; so empty modules stand in for it while overcomplete is imported, and are gone before anything else is.
"""

from __future__ import annotations

import runpy
import sys
from types import ModuleType

STAND_INS = ("torchvision", "torchvision.transforms")


def main() -> None:
    modules = {name: ModuleType(name) for name in STAND_INS}
    modules["torchvision"].transforms = modules["torchvision.transforms"]  # type: ignore[attr-defined]
    sys.modules.update(modules)
    import overcomplete  # noqa: F401

    for name in STAND_INS:
        del sys.modules[name]
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
