"""Whether an open tab stays small and quick while its log grows: a real TensorBoard, Chromium, and the tab in TensorBoard's frame.

    python benchmarks/open_tab.py                # an hour
    python benchmarks/open_tab.py --minutes 3    # accelerated: as many choices and calls of the monitor, twenty times as fast

``benchmarks/growing_log.py`` writes; TensorBoard reads every five seconds; the tab is used every twenty: words, latents, runs, steps,
thresholds, workspaces, sheets, the back button. One round makes each choice once and ends where it began; then the garbage is
collected and measured: JavaScript heap, DOM nodes and those attached to no page, event listeners, memory of the renderer's process and
of TensorBoard's own (anonymous pages: mapped files do not count; the data server, which keeps the events, is told but not judged).
Every choice is timed to the painted frame in which no card waits.

Judged are the last rounds against the first (the very first warms up): exit status 1 where a memory is more than 1.2 times what it was,
or answers take more than 1.5 times as long, the machine's own change of pace (a fixed loop in the page, timed beside) taken out.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, CDPSession, Frame, Page

from benchmarks.growing_log import READY
from tests.end_to_end.served_log import open_tab, tensorboard
from tests.find_chromium import ADVICE, find_chromium
from tests.watched_browser import launched

SIZE = {"width": 1440, "height": 900}
HOUR = 60.0
SECONDS_PER_CHOICE = 20.0
SECONDS_PER_CALL = 5.0
RELOAD_SECONDS = "5"
MEMORY_LIMIT, TIME_LIMIT = 1.2, 1.5
MIB = 2**20

SETTLED = """async (act) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const panels = () => [...document.querySelectorAll('*')].filter((one) => one.localName.startsWith('vs-'));
    const waits = (panel) => Object.values(panel).some((one) => one && typeof one === 'object' && 'nAsking' in one && one.loading);
    const busy = () => document.querySelector('[aria-busy=true]') !== null || panels().some((one) => one.isUpdatePending || waits(one));
    const start = performance.now();
    const done = await act();
    await frame();
    while (busy()) {
      if (performance.now() - start > 60000) throw new Error('nothing is drawn after a minute');
      await new Promise((resolve) => setTimeout(resolve));
    }
    await frame();
    return [done, performance.now() - start]; }"""

ACT = {
    "workspace": "(name) => [...document.querySelectorAll('.workspaces button')].find((one) => one.textContent.includes(name)).click()",
    "click": "([selector, share]) => { const all = [...document.querySelectorAll(selector)]; all[Math.floor(share * all.length)]?.click(); return all.length; }",
    "slide": """([selector, share]) => { const one = document.querySelector(selector); if (!one || one.disabled) return 0;
        const [low, high] = [Number(one.min), Number(one.max)];
        one.value = String(Math.round(low + share * (high - low)));
        one.dispatchEvent(new Event('input', { bubbles: true })); one.dispatchEvent(new Event('change', { bubbles: true })); return 1; }""",
    "text": """([selector, text]) => { const one = [...document.querySelectorAll(selector)].find((each) => each.textContent.trim() === text);
        one?.click(); return one ? 1 : 0; }""",
    "run": """async (share) => { document.querySelector('.pick').click(); await document.querySelector('vs-menu').updateComplete;
        const all = [...document.querySelectorAll('.menu [role=option]')]; all[Math.floor(share * all.length)].click(); return all.length; }""",
    "key": "(key) => { document.activeElement?.blur(); window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })); return 1; }",
    "close": "() => { document.querySelector('dialog[open]')?.dispatchEvent(new Event('cancel', { cancelable: true })); return 1; }",
    "back": """async () => { const host = window.parent; const heard = new Promise((resolve) => { host.addEventListener('hashchange', resolve, { once: true });
        setTimeout(resolve, 1000); }); host.history.back(); await heard; return 1; }""",
}

SPIN = "() => { const start = performance.now(); let x = 1; for (let i = 0; i < 2e7; i++) x = (x * 48271) % 2147483647; return [x, performance.now() - start]; }"
ATTACHED = """() => [window.parent.document, document].map((one) => { let n = 1; const walk = (root) => {
    const seen = document.createTreeWalker(root); while (seen.nextNode()) { n++; if (seen.currentNode.shadowRoot) walk(seen.currentNode.shadowRoot); } };
    walk(one); return n; }).reduce((sum, n) => sum + n)"""

FILL = """async (url) => { for (let left = 240e6; left > 0;) {
    const body = await (await fetch(url, { cache: 'no-store' })).text();
    if (body.length < 1e5) throw new Error(`${url} is too small to fill anything`);
    left -= body.length; } }"""
"""Chromium keeps the responses of a page that a driver watches, up to some 200 MB of its renderer; it is filled first, lest that be taken for
a leak: a page that fetches the listing and does nothing else grows as much."""

ROUND: Sequence[tuple[str, str, object]] = (
    ("a word", "click", ".chip.output"),
    ("a latent", "click", ".rank-row"),
    ("a word before", "key", "ArrowLeft"),
    ("a run", "run", None),
    ("a threshold", "slide", ".threshold input"),
    ("a latent's references", "text", ("vs-inspector button.link", "more")),
    ("back", "back", None),
    ("Dictionary", "workspace", "Dictionary"),
    ("a step", "slide", ".stepper input"),
    ("over training", "text", (".seg button", "Over training")),
    ("a step again", "slide", ".stepper input"),
    ("one step", "text", (".seg button", "This step")),
    ("Compare", "workspace", "Compare"),
    ("a sheet", "key", "?"),
    ("another sheet", "key", "/"),
    ("the other theme", "key", "t"),
    ("a latent let go", "key", "Escape"),
    ("Scratchpad", "workspace", "Scratchpad"),
)
"""What one round does: name, action, argument; a share is drawn where a place among several is to be chosen."""


@dataclass(frozen=True)
class Round:
    """What one round left behind, and the milliseconds that its choices took.

    Attributes:
        memory: by name, in bytes or counts.
        taken: by choice.
        spin: milliseconds of the fixed loop.
        n_runs: lines of the listing.
    """

    minute: float
    memory: dict[str, float]
    taken: dict[str, float]
    spin: float
    n_runs: int


@contextmanager
def growing(logdir: Path, seconds: float) -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).resolve().parent / "growing_log.py"
    process = subprocess.Popen([sys.executable, str(script), str(logdir), "--seconds", str(seconds)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        assert told.strip() == READY, f"the log does not grow: {told!r}"
        yield process
    finally:
        process.terminate()
        process.wait()


def anonymous_bytes(pid: int) -> float:
    """What a process holds besides mapped files; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(1024.0 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = status.read_text().rsplit(")", 1)
        except OSError:
            continue
        if int(rest.split()[1]) == pid:
            found.append(int(name.split()[0]))
    return found


def tensorboard_pid() -> int:
    """Of the TensorBoard that this process started."""
    found = [pid for pid in children(os.getpid()) if b"tensorboard.main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(found) == 1, found
    return found[0]


def renderer_pids(browser: Browser) -> list[int]:
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return [one["id"] for one in processes if one["type"] == "renderer"]


def measured(browser: Browser, session: CDPSession, frame: Frame, server: int) -> dict[str, float]:
    """After the garbage is collected."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    of = {one["name"]: float(one["value"]) for one in session.send("Performance.getMetrics")["metrics"]}
    return {
        "JavaScript heap": of["JSHeapUsedSize"],
        "DOM nodes": of["Nodes"],
        "nodes attached to no page": max(0.0, of["Nodes"] - frame.evaluate(ATTACHED)),
        "event listeners": of["JSEventListeners"],
        "renderer": sum(anonymous_bytes(pid) for pid in renderer_pids(browser)),
        "TensorBoard": anonymous_bytes(server),
        "its data server": sum(anonymous_bytes(pid) for pid in children(server)),
    }


def act(frame: Frame, action: str, argument: object, rng: random.Random) -> float:
    """Milliseconds until the choice is drawn."""
    given = argument
    if action in ("click", "slide"):
        given = [argument, rng.uniform(0.4, 1)]
    elif action == "run":
        given = rng.random()
    return float(frame.evaluate(f"async (given) => ({SETTLED})(() => ({ACT[action]})(given))", given)[1])


def play(page: Page, frame: Frame, pause: float, rng: random.Random) -> dict[str, float]:
    """One round of choices, a pause after each, during which the pointer moves over what is drawn."""
    taken = {}
    for name, action, argument in ROUND:
        begun = time.monotonic()
        taken[name] = act(frame, action, argument, rng)
        if "sheet" in name or name == "a latent's references":
            act(frame, "close", None, rng)
        for x, y in ((500, 350), (620, 420), (900, 500)):
            page.mouse.move(x, y, steps=3)
        page.wait_for_timeout(max(0.0, 1000 * (pause - (time.monotonic() - begun))))
    return taken


def rounds_of(browser: Browser, address: str, minutes: float) -> list[Round]:
    pace = minutes / HOUR
    pause = max(0.05, SECONDS_PER_CHOICE * pace)
    server = tensorboard_pid()
    page = browser.new_context(viewport=SIZE).new_page()
    page.set_default_timeout(120_000)
    frame = open_tab(page, address)
    frame.wait_for_selector(".rank-row.on")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.enable")
    page.evaluate(FILL, f"{address}index.js")
    rounds: list[Round] = []
    rng = random.Random(0)
    start = time.monotonic()
    while time.monotonic() - start < 60 * minutes or len(rounds) < 7:
        taken = play(page, frame, pause, rng)
        spin = float(frame.evaluate(SPIN)[1])
        n_runs = int(frame.evaluate("document.querySelector('vs-app').store.session.listing.vlm_runs.length"))
        rounds.append(Round((time.monotonic() - start) / 60, measured(browser, session, frame, server), taken, spin, n_runs))
        tell(rounds[-1], len(rounds))
    page.context.close()
    return rounds


def tell(one: Round, number: int) -> None:
    memory = one.memory
    print(
        f"round {number}, minute {one.minute:.1f}: {one.n_runs} runs; heap {memory['JavaScript heap'] / MIB:.1f} MiB, nodes {memory['DOM nodes']:.0f} "
        f"({memory['nodes attached to no page']:.0f} unattached), listeners {memory['event listeners']:.0f}, renderer {memory['renderer'] / MIB:.0f} MiB, "
        f"TensorBoard {memory['TensorBoard'] / MIB:.0f} + {memory['its data server'] / MIB:.0f} MiB; a choice {statistics.median(one.taken.values()):.0f} ms "
        f"(worst {max(one.taken, key=lambda name: one.taken[name])}, {max(one.taken.values()):.0f} ms), loop {one.spin:.0f} ms, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def judge(rounds: Sequence[Round]) -> bool:
    """Prints the table; whether all is within the limits."""
    width = max(2, (len(rounds) - 1) // 4)
    first, last = rounds[1 : 1 + width], rounds[-width:]

    def median(of: Sequence[Round], name: str) -> float:
        return statistics.median(one.memory[name] for one in of)

    rows, fine = [], True
    for name in first[0].memory:
        before, after = median(first, name), median(last, name)
        counted = name in ("DOM nodes", "nodes attached to no page", "event listeners")
        limit = None if name == "its data server" else MEMORY_LIMIT
        ratio = (after + 1) / (before + 1)
        fine &= limit is None or ratio <= limit
        text = (lambda x: f"{x:,.0f}") if counted else (lambda x: f"{x / MIB:.1f} MiB")
        rows.append((name, text(before), text(after), f"{ratio:.2f}", "not judged" if limit is None else f"<= {limit}"))
    spin = statistics.median(one.spin for one in last) / statistics.median(one.spin for one in first)
    for name in first[0].taken:
        before, after = (statistics.median(one.taken[name] for one in of) for of in (first, last))
        rows.append((f"{name}, drawn after", f"{before:.0f} ms", f"{after:.0f} ms", f"{after / before:.2f}", "see the sum"))
    before, after = (statistics.median(sum(one.taken.values()) for one in of) for of in (first, last))
    fine &= after / before / spin <= TIME_LIMIT
    rows.append(("a fixed loop in the page", "", "", f"{spin:.2f}", "the machine's own"))
    rows.append(("a round of choices, drawn", f"{before:.0f} ms", f"{after:.0f} ms", f"{after / before / spin:.2f}", f"<= {TIME_LIMIT}"))
    print(f"\n{len(rounds)} rounds in {rounds[-1].minute:.0f} minutes, {first[0].n_runs} to {rounds[-1].n_runs} runs; medians of {width} rounds each:\n")
    for row in (("", "at first", "at the end", "ratio", "limit"), ("---",) * 5, *rows):
        print(f"| {' | '.join(row)} |")
    print(f"\n{'Within the limits.' if fine else 'BEYOND THE LIMITS.'}")
    return fine


def main() -> int:
    """Prints a line per round and a table; 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=HOUR)
    options = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        sys.exit(ADVICE)
    seconds = max(0.4, SECONDS_PER_CALL * options.minutes / HOUR)
    with (
        tempfile.TemporaryDirectory() as folder,
        growing(Path(folder), seconds),
        tensorboard(folder, "--reload_interval", RELOAD_SECONDS) as address,
        launched(chromium) as browser,
    ):
        fine = judge(rounds_of(browser, address, options.minutes))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
