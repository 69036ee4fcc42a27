"""Numbers that the tab tells and the exporter uses are the same on both sides of the language border."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SAME = (
    ("frontend_static/panels/compare/sweep_panel.js", "N_CONTROLS", "exporter/controls.py", "N_CONTROLS"),
    ("frontend_static/panels/failures/ablation_panel.js", "N_SET_CONTROLS", "exporter/set_ablation.py", "N_SET_CONTROLS"),
)


def _number(path: Path, name: str) -> int:
    found = re.findall(rf"^(?:const )?{name} = (\d+);?$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 1, f"{path} has {len(found)} constants {name}"
    return int(found[0])


@pytest.mark.parametrize(("script", "script_name", "module", "module_name"), SAME)
def test_the_tab_tells_what_the_exporter_does(repository: Path, script: str, script_name: str, module: str, module_name: str) -> None:
    assert _number(repository / script, script_name) == _number(repository / module, module_name)
