"""What an installation holds: a wheel of real files, and a sentence where links are broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", "build", "dist", "*.egg-info", "demo_logs", "tests")


def test_wheel_holds_real_files(repository: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(repository, checkout, symlinks=True, ignore=LEFT_OUT)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(checkout)],
        check=True,
    )
    (wheel,) = tmp_path.glob("tb_visualscratchpad-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        entry_points = archive.read(next(name for name in sizes if name.endswith("entry_points.txt"))).decode()
    for folder in ("exporter", "frontend_static"):
        real = {
            f"tb_visualscratchpad/{path.relative_to(checkout).as_posix()}": path.stat().st_size
            for path in (checkout / folder).rglob("*") if path.is_file()
        }
        assert real and real.items() <= sizes.items()
    assert "tb_visualscratchpad/wire/scratchpad.proto" in sizes
    assert any(name.endswith("OFL.txt") for name in sizes)
    assert "visualscratchpad = tb_visualscratchpad.plugin:VisualScratchpadPlugin" in entry_points
    assert "visualscratchpad = tb_visualscratchpad.exporter.cli:main" in entry_points


def test_a_link_turned_into_text_gets_a_sentence(repository: Path, tmp_path: Path) -> None:
    shutil.copy(repository / "setup.py", tmp_path)
    package = tmp_path / "tb_visualscratchpad"
    package.mkdir()
    shutil.copy(repository / "tb_visualscratchpad" / "__init__.py", package)
    (package / "exporter").write_text("../exporter")  # what git writes where links are not supported
    told = subprocess.run([sys.executable, "setup.py", "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode != 0
    assert "symbolic links" in told.stderr and "Traceback" not in told.stderr
