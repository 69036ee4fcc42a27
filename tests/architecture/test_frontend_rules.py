"""The tab's modules keep the import rules, and the checker sees a planted breach of each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.frontend_rules import imports_of, violations, violations_of_module


def test_tab_keeps_the_rules(repository: Path) -> None:
    assert violations(repository / "frontend_static") == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("color/tokens.js", "import { draw } from '../plots/matrix.js';"),
        ("plots/matrix.js", "import '../elements/chips.js';"),
        ("elements/chips.js", "const panel = await import('../panels/tokens.js');"),
        ("elements/chips.js", "import { store } from '../store.js';"),
        ("panels/tokens.js", "export { start } from '../index.js';"),
        ("panels/tokens.js", "import { Ranking } from './ranking.js';"),
        ("store.js", "import { Matrix } from './plots/matrix.js';"),
        ("api.js", "import { store } from './index.js';"),
        ("panels/tokens.js", "import { html } from 'lit';"),
        ("panels/tokens.js", "import {\n  html,\n  LitElement,\n} from '../../elsewhere/lit.js';"),
    ],
)
def test_planted_breach_is_found(path: str, source: str) -> None:
    assert len(violations_of_module(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("index.js", "import { store } from './store.js';\nimport './panels/tokens.js';"),
        ("panels/tokens.js", "import { html } from '../vendor/lit.js';\nimport { store } from '../store.js';"),
        ("plots/matrix.js", "/** @type {import('../elements/chips.js').Chip} */\n// import '../panels/tokens.js'\nlet x;"),
    ],
)
def test_allowed_import_passes(path: str, source: str) -> None:
    assert violations_of_module(path, source) == []


def test_every_form_of_import_is_read() -> None:
    source = "import a, { b } from './a.js';\nimport './b.js';\nexport * from './c.js';\nconst d = import('./d.js');"
    assert imports_of(source) == ["./a.js", "./b.js", "./c.js", "./d.js"]


def test_panels_that_do_not_hear_of_sliders_need_nothing_of_them(repository: Path) -> None:
    """A panel that says so is not drawn anew when a slider moves, so it may neither show nor ask what a slider changes."""
    sliders = ("maxFrequency", "minMean", "selection.cut", "askMatrix", "askRanking", "askRanks", "thresholdOptions", "regions.js", "dense.js")
    deaf = 0
    for path in sorted((repository / "frontend_static" / "panels").rglob("*.js")):
        source = path.read_text(encoding="utf-8")
        if "indifferentTo = SLIDERS" in source:
            deaf += 1
            assert not [word for word in sliders if word in source], path.name
    assert deaf > 3


def test_no_class_is_laid_out_by_two_sheets(repository: Path) -> None:
    """Two panels that give one class name to different things deform each other: all sheets hold for the whole tab."""
    laid_out: dict[str, set[str]] = {}
    for path in sorted(one for one in (repository / "frontend_static" / "styles").glob("*.css") if one.name != "print.css"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for selectors, rules in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
            if not re.search(r"(^|;)\s*(display: (?!none)|width:)", rules):
                continue
            for selector in selectors.split(","):
                if re.fullmatch(r"\.[\w-]+", selector.strip()):
                    laid_out.setdefault(selector.strip(), set()).add(path.name)
    assert len(laid_out) > 100, "the rules are found"
    assert {name: sheets for name, sheets in laid_out.items() if len(sheets) > 1} == {}
