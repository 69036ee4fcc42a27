"""Finds the Chromium that the browser tests drive, and installs one where there is none.

As a script: ``python tests/find_chromium.py [--install]`` prints its path, or ends with status 1 and a sentence.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = (
    "No Chromium was found: the tests of the tab need one. Install Debian's or Ubuntu's package `chromium`, or run "
    "`python -m playwright install chromium`, or name a browser in the variable CHROMIUM."
)


def find_chromium() -> Path | None:
    """The browser named by the variable CHROMIUM, else one on the path, else Playwright's own; None without any.

    Raises:
        FileNotFoundError: CHROMIUM names a file that is not there.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise FileNotFoundError(f"The variable CHROMIUM names {named}, which is not a file: correct it or unset it.")
        return Path(named)
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    return find_playwright_chromium()


def find_playwright_chromium() -> Path | None:
    """The Chromium that ``playwright install`` downloaded for the installed Playwright, if it did."""
    # Asked in a process of its own: Playwright's synchronous interface leaves an event loop behind.
    program = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    path = Path(told.stdout.strip() or "/nonexistent")
    return path if told.returncode == 0 and path.is_file() else None


def install_commands() -> list[list[str]]:
    """What to try, in order: the system's package where apt-get and the right to use it are at hand, then Playwright's."""
    commands = []
    if shutil.which("apt-get") and os.geteuid() == 0:
        commands.append(["sh", "-c", "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy chromium"])
    commands.append([sys.executable, "-m", "playwright", "install", "chromium"])
    return commands


def install_chromium() -> Path | None:
    """Runs the install commands until one of them leaves a browser; their output goes to stderr."""
    for command in install_commands():
        print("No Chromium yet, trying:", " ".join(command), file=sys.stderr)
        subprocess.run(command, stdout=sys.stderr, stdin=subprocess.DEVNULL)
        found = find_chromium()
        if found:
            return found
    return None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true", help="install Chromium where there is none")
    options = parser.parse_args(arguments)
    try:
        found = find_chromium() or (install_chromium() if options.install else None)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    if found is None:
        print(ADVICE, file=sys.stderr)
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
