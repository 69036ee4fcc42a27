"""Writes Emoji World's log: a swept dictionary, its map, explained runs that each show something else, and a failure set."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from tb_visualscratchpad.exporter.decoder_map import decoder_map
from tb_visualscratchpad.exporter.demo.cases import CASES, Case
from tb_visualscratchpad.exporter.demo.failures import duck_failures, told
from tb_visualscratchpad.exporter.demo.image_set import save_labelled_pictures
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter, new_run_directory
from tb_visualscratchpad.exporter.explain import explain
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, load_sae
from tb_visualscratchpad.exporter.sweep import SweepResult, sweep
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.failure_evidence import FailureSet, SetAblation

SEED = 0


@dataclass(frozen=True)
class DemoSummary:
    """What was written.

    Attributes:
        logdir: what to give to ``tensorboard --logdir``.
        dictionary_directory, runs_directory: the two run directories made in it.
        n_pictures: swept for the statistics.
        answers: name and answer of each explained run, in order.
        seconds: how long it took.
    """

    logdir: Path
    dictionary_directory: Path
    runs_directory: Path
    n_pictures: int
    answers: tuple[tuple[str, str], ...]
    seconds: float

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.answers)
        lines = [f"  {name:{width}}  {answer}" for name, answer in self.answers]
        head = f"Wrote to {self.logdir}, in {self.seconds:.0f} s: a dictionary over {self.n_pictures} pictures, and {len(lines)} runs:"
        return "\n".join([head, *lines])


def write_demo(logdir: Path, progress: bool = True) -> DemoSummary:
    """Computes everything and then writes it, into two new run directories of ``logdir``. Ends in any case whole or with nothing.

    Args:
        logdir: made where it does not exist; what it holds stays.
        progress: say on stderr what is going on, and at the end what was written.

    Raises:
        ScratchpadError: the directory cannot be written.
        KeyboardInterrupt: Ctrl-C; nothing is left.
    """
    started = time.monotonic()
    with one_thread():
        vlm, sae = load_vlm("demo", device="cpu"), load_sae("demo")
        runs = []
        # The tab lists the newest run first, and the first case is the one to open with.
        for number, case in enumerate(reversed(CASES), 1):
            say(f"Explaining {number} of {len(CASES)}: {case.name}", progress)
            runs.append(explain_case(vlm, sae, case))
        say("Asking about the pictures of the failure set, as they are and without what tells the failures apart", progress)
        failures = duck_failures(vlm, sae)
        say(told(*failures), progress)
        swept = sweep_image_set(vlm, sae, progress)
        say("Mapping the dictionary", progress)
        geometry = decoder_map(swept.statistics.dictionary, sae.W_dec, swept.references, seed=SEED, progress=progress)
    dictionary_directory, runs_directory = write_evidence(logdir, swept, geometry, runs, failures)
    summary = DemoSummary(
        logdir=logdir,
        dictionary_directory=dictionary_directory,
        runs_directory=runs_directory,
        n_pictures=swept.statistics.n_images,
        answers=tuple((run.name, run.output_text) for run in reversed(runs)),
        seconds=time.monotonic() - started,
    )
    say(str(summary), progress)
    return summary


@contextmanager
def one_thread() -> Iterator[None]:
    """Models this small are slower on more threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def say(sentence: str, progress: bool) -> None:
    if progress:
        print(sentence, file=sys.stderr, flush=True)


def explain_case(vlm: Vlm, sae: SparseAutoencoder, case: Case) -> VlmRun:
    """The run of one case, under the case's name."""
    picture = case.composition().picture
    return explain(vlm, sae, picture, case.question.text, max_new_tokens=case.max_new_tokens, name=case.name)


def sweep_image_set(vlm: Vlm, sae: SparseAutoencoder, progress: bool) -> SweepResult:
    """Composes the labelled pictures in a temporary folder and sweeps them.

    Raises:
        KeyboardInterrupt: the sweep was interrupted; half a demo is none.
    """
    with tempfile.TemporaryDirectory(prefix="emoji-world-") as folder:
        say("Composing the labelled pictures", progress)
        save_labelled_pictures(Path(folder))
        swept = sweep(vlm, sae, folder, batch_size=32, progress=progress)
    if not swept.statistics.complete:
        raise KeyboardInterrupt
    return swept


def write_evidence(
    logdir: Path, swept: SweepResult, geometry: DecoderMap, runs: list[VlmRun], failures: tuple[FailureSet, SetAblation] | None = None
) -> tuple[Path, Path]:
    """Writes into two new run directories and returns them; on any error removes them again. ``failures`` go to the runs."""
    made: list[Path] = []
    try:
        made.append(new_run_directory(logdir, "emoji-world-dictionary"))
        with ScratchpadWriter(made[0]) as writer:
            writer.add_latent_statistics(swept.statistics)
            writer.add_references(swept.references)
            writer.add_sae_metrics(swept.metrics)
            writer.add_decoder_map(geometry)
        made.append(new_run_directory(logdir, "emoji-world-runs"))
        with ScratchpadWriter(made[1]) as writer:
            for run in runs:
                writer.add_vlm_run(run)
            if failures is not None:
                writer.add_failure_set(failures[0])
                writer.add_set_ablation(failures[1])
    except BaseException:
        for directory in made:
            shutil.rmtree(directory, ignore_errors=True)
        raise
    return made[0], made[1]
