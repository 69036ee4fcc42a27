"""How files are named, how long they are, and what may not stand in them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

LONGEST = 450
VAGUE = re.compile(r"(^|/)(utils?|helpers?|common|misc|stuff|tmp|new_|old_)[^/]*\.(py|js)$", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b|pytest\.mark\.(skip|xfail)|except( Exception)?:\s*pass\b")
ONE_MACHINE = re.compile(r"(?<![\w.])/(work|root|home/\w+|tmp/venv)/")


def sources(repository: Path) -> list[str]:
    """Every Python and JavaScript file of ours that git knows or would take, relative to the root."""
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", "*.js", "Makefile", "*.md", "*.cfg"],
        cwd=repository, capture_output=True, text=True, check=True,
    )
    ours = (name for name in told.stdout.splitlines() if "vendor/" not in name and not name.endswith("_pb2.py"))
    return sorted(name for name in set(ours) if (repository / name).is_file())


def too_long(name: str, text: str) -> bool:
    return name.endswith((".py", ".js")) and text.count("\n") > LONGEST


def test_no_file_holds_more_than_one_idea(repository: Path) -> None:
    long = [name for name in sources(repository) if too_long(name, (repository / name).read_text(encoding="utf-8"))]
    assert long == []


def test_every_file_says_its_subject_in_its_name(repository: Path) -> None:
    assert [name for name in sources(repository) if VAGUE.search(name)] == []


@pytest.mark.parametrize("pattern", [UNFINISHED, ONE_MACHINE])
def test_nothing_unfinished_and_no_path_of_one_machine(repository: Path, pattern: re.Pattern[str]) -> None:
    own = Path(__file__).relative_to(repository).as_posix()
    found = [name for name in sources(repository) if name != own and pattern.search((repository / name).read_text(encoding="utf-8"))]
    assert found == []


def test_the_rules_can_be_broken() -> None:
    assert too_long("a/b.py", "\n" * (LONGEST + 1)) and not too_long("a/b.py", "\n" * LONGEST)
    assert VAGUE.search("exporter/utils.py") and VAGUE.search("helpers.js") and not VAGUE.search("exporter/pictures.py")
    assert UNFINISHED.search("# TO" + "DO later") and UNFINISHED.search("except Exception:\n    pass")
    assert ONE_MACHINE.search("open('/work/" + "x')") and not ONE_MACHINE.search("frame/work/x")


@pytest.mark.parametrize("name", ["exporter", "frontend_static"])
def test_links_lead_to_the_real_folders(repository: Path, name: str) -> None:
    link = repository / "tb_visualscratchpad" / name
    assert link.is_symlink() and link.readlink() == Path("..") / name and link.resolve() == repository / name
    listed = subprocess.run(["git", "ls-files", "--stage", str(link)], cwd=repository, capture_output=True, text=True, check=True)
    assert listed.stdout.startswith("120000"), "git must hold it as a link"


MARKDOWN_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def test_links_in_documents_lead_somewhere(repository: Path) -> None:
    documents = [name for name in sources(repository) if name.endswith(".md")]
    assert "README.md" in documents
    broken = [
        f"{name}: {target}"
        for name in documents
        for target in MARKDOWN_LINK.findall((repository / name).read_text(encoding="utf-8"))
        if not (repository / name).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_a_link_in_a_document_is_read() -> None:
    assert MARKDOWN_LINK.findall("see [this](docs/a.md#part), [that](https://x.org) and [there](#here)") == ["docs/a.md"]
