"""``from tb_visualscratchpad.exporter import ...`` in every order of imports, and without torch where none is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error::ImportWarning", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_functions_win_over_the_modules_of_their_name() -> None:
    said = _python(
        "import tb_visualscratchpad.exporter.explain\n"
        "from tb_visualscratchpad.exporter.sweep import SweepResult\n"
        "from tb_visualscratchpad.exporter import explain, sweep, decoder_map, load_vlm, load_sae, ScratchpadWriter, SteeringSpec\n"
        "from tb_visualscratchpad.exporter.explain import explain as again\n"
        "print(all(map(callable, (explain, sweep, decoder_map))), explain is again)\n"
        "import tb_visualscratchpad.exporter as package\n"
        "print(all(callable(getattr(package, name)) for name in package.__all__))"
    )
    assert said.split() == ["True", "True", "True"]


@pytest.mark.parametrize("name", ["exporter.cli", "exporter.event_log"])
def test_torch_is_loaded_only_where_needed(name: str) -> None:
    assert _python(f"import sys, tb_visualscratchpad.{name}; print('torch' in sys.modules)") == "False"


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ImportError, match="no_such_name"):
        from tb_visualscratchpad.exporter import no_such_name  # noqa: F401
