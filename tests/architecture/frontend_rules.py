"""Who may import whom in the tab: vendor, color <- plots <- elements <- panels <- index; panels talk only through the store."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

RANK = {"vendor": 0, "color": 0, "plots": 1, "elements": 2, "panels": 4, "index.js": 5}
SERVICES = 3
"""Rank of the other modules at the top (store, api, host, ...): panels and index use them, drawing code does not."""
SERVICES_MAY_USE = frozenset({"vendor", "color"})

COMMENT = re.compile(r"/\*.*?\*/|(?<![:'\"`])//[^\n]*", re.DOTALL)
IMPORT = re.compile(r"""(?:^|[;\n])\s*(?:import|export)\b[^;'"()]*?from\s*['"]([^'"]+)['"]|(?:^|[;\n])\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"`]([^'"`]+)['"`]""")


def imports_of(source: str) -> list[str]:
    """What a module's source imports, static and dynamic, as written; types named in comments do not count."""
    return [next(filter(None, match.groups())) for match in IMPORT.finditer(COMMENT.sub("", source))]


def part_of(path: str) -> str:
    """The folder at the top that ``path``, relative to frontend_static, is in, or its own name."""
    return path.split("/")[0]


def rank_of(path: str) -> int:
    return RANK.get(part_of(path), SERVICES)


def violations_of_module(path: str, source: str) -> list[str]:
    """A sentence for each import of the module at ``path`` (relative to frontend_static) that breaks a rule."""
    if part_of(path) == "vendor":
        return []
    found = []
    for written in imports_of(source):
        if not written.startswith("."):
            found.append(f"{path} imports {written}: a relative path is needed, there is no build step")
            continue
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), written))
        own, other = rank_of(path), rank_of(target)
        if target.startswith("..") or other > own:
            found.append(f"{path} imports {target}")
        elif own == SERVICES and other < SERVICES and part_of(target) not in SERVICES_MAY_USE:
            found.append(f"{path} imports {target}")
        elif own == RANK["panels"] == other and "/" not in posixpath.relpath(target, "panels"):
            found.append(f"{path} imports the panel {target}: panels talk only through the store")
    return found


def violations(frontend: Path) -> list[str]:
    """Every broken rule under ``frontend``."""
    return [
        sentence
        for path in sorted(frontend.rglob("*.js"))
        for sentence in violations_of_module(path.relative_to(frontend).as_posix(), path.read_text(encoding="utf-8"))
    ]
