"""How long ``visualscratchpad demo --no-serve`` takes, as a process of its own.

    python benchmarks/demo.py

The baseline in the same run is the start of Python with torch and transformers, which every command pays.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Prints both times and their ratio."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    start = seconds([sys.executable, "-c", "import torch; from transformers import AutoModelForImageTextToText"])
    with tempfile.TemporaryDirectory() as folder:
        demo = seconds([sys.executable, "-m", "tb_visualscratchpad.exporter", "demo", "--logdir", folder, "--no-serve"])
    print(f"demo {demo:.0f} s, start of torch and transformers {start:.1f} s, ratio {demo / start:.0f}")


if __name__ == "__main__":
    main()
