"""Processes that die in the midst of logging, at chosen moments, and what their log then is: ``python killed_writer.py FOLDER``.

Each of the moments forks a process that goes on with the run and, after some steps, is killed: by SIGKILL before its n-th operation on a
file, or by the system in the middle of a write, when a file would grow beyond a size. The next one begins one step before the last
that was said to be done. Prints, as JSON, a list of what was met.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tb_visualscratchpad import listing as listing_module
from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.wire.step_index import scan_index
from tests.data_providers import reading
from tests.test_training_steps import IDENTITY, write_steps

FILE_OPERATIONS = frozenset({"open", "write", "fsync", "rename", "truncate", "unlink", "mkdir", "rmdir", "close"})
N_BACK = 1


def die_before_operation(n: int) -> None:
    """Have this process killed before its n-th operation on a file, counted from now."""
    left = n

    def watch(frame: FrameType, event: str, function: object) -> None:
        nonlocal left
        if event == "c_call" and getattr(function, "__name__", "") in FILE_OPERATIONS:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def die_beyond(n_bytes: int) -> None:
    """Have this process killed when it would make a file larger than that; what fits is written."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))


def size_of(directory: Path, pattern: str) -> int:
    """Of the newest file of that name."""
    return max(directory.glob(pattern), key=lambda path: path.stat().st_mtime_ns).stat().st_size


def within_index(directory: Path, n: int) -> None:
    """Die ``n`` bytes into the next record of the metrics' index, which each step begins with."""
    die_beyond(size_of(directory, "plugins/*/steps/sae_metrics.*.index") + n)


def within_event(directory: Path, n: int) -> None:
    """Die ``n`` bytes into the next event, where the event file is larger than all else."""
    die_beyond(size_of(directory, "*tfevents*") + n)


@dataclass(frozen=True)
class Moment:
    """``arm`` is called after so many steps of a process."""

    name: str
    n_steps: int
    arm: Callable[[Path], None]


MOMENTS = [
    # While indices and event files are smaller still.
    Moment("1600 bytes into a sidecar", 0, lambda _: die_beyond(1600)),
    *(Moment(f"operation {n}", 0, lambda _, n=n: die_before_operation(n)) for n in (0, 7, 15, 40, 75, 110)),
    *(Moment(f"operation {n} later", 2, lambda _, n=n: die_before_operation(n)) for n in range(0, 60, 4)),
    *(Moment(f"{n} bytes into an index", 2, lambda run, n=n: within_index(run, n)) for n in (1, 12, 30)),
    *(Moment(f"{n} bytes into an event", 6, lambda run, n=n: within_event(run, n)) for n in (1, 13, 700)),
]


def log_until_killed(directory: Path, first: int, moment: Moment, said: int) -> None:
    """In a process of its own: log steps for ever and tell each that is done."""
    with ScratchpadWriter(directory) as writer:
        for step in range(first, 10**6):
            if step == first + moment.n_steps:
                moment.arm(directory)
            write_steps(writer, range(step, step + 1))
            os.write(said, f"{step} ".encode())


def torn(directory: Path, problems: Sequence[str]) -> list[str]:
    """What the killed processes left half: sidecars with their sizes, an index, an event file."""
    found = sorted(f"{path.stat().st_size} bytes of a sidecar" for path in directory.rglob(".*.tmp"))
    if any(scan_index(path).end < path.stat().st_size for path in directory.rglob("*.index")):
        found.append("an index")
    if any("within" in problem for problem in problems):
        found.append("an event")
    return found


def main() -> None:
    logdir = Path(sys.argv[1])
    directory = logdir / "run"
    listing_module.FRESH_SECONDS = -1.0
    met, first = [], 0
    for moment in MOMENTS:
        told, said = os.pipe()
        process = os.fork()
        if process == 0:
            log_until_killed(directory, first, moment, said)
        os.close(said)
        _, status = os.waitpid(process, 0)
        with os.fdopen(told) as stream:
            done = [int(step) for step in stream.read().split()]
        last = done[-1] if done else first - 1
        with reading("python", logdir) as reader:
            store = EventStore(reader.context)
            listing = store.listing("")
            dictionaries = listing.dictionaries
            steps = dictionaries[0].steps if dictionaries else ()
            wrong = [step for step in steps[-6:] if store.sae_metrics("", IDENTITY, step).l0 != step]
            said_done = [step for step in steps[-6:] if step <= last]
            wrong += [step for step in said_done if store.latent_statistics("", IDENTITY, step).image_set_id != f"at {step}"]
        met.append({
            "moment": moment.name, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "first": first, "last": last,
            "steps": steps, "wrong": wrong, "torn": torn(directory, listing.problems),
        })
        first = max(0, last + 1 - N_BACK)
    with ScratchpadWriter(directory) as writer:
        write_steps(writer, range(first, first + 12))
    with reading("python", logdir) as reader:
        listing = EventStore(reader.context).listing("")
        met.append({"steps": listing.dictionaries[0].steps, "problems": listing.problems, "first": first})
    print(json.dumps(met))


if __name__ == "__main__":
    main()
