"""Writes Emoji World's log: a swept dictionary, its map, explained runs that each show something else, and a failure set; and beside them a
dictionary that trained badly."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.decoder_map import decoder_map
from tb_visualscratchpad.exporter.demo.case_studies.failures import CaseKind
from tb_visualscratchpad.exporter.demo.case_studies.fixed_set import name_of_other
from tb_visualscratchpad.exporter.demo.case_studies.logged import Evidence, evidence_of
from tb_visualscratchpad.exporter.demo.cases import CASES, Case
from tb_visualscratchpad.exporter.demo.failures import duck_failures, told
from tb_visualscratchpad.exporter.demo.image_set import save_labelled_pictures
from tb_visualscratchpad.exporter.demo.match import demo_match
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter, new_run_directory
from tb_visualscratchpad.exporter.explain import explain
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, load_sae
from tb_visualscratchpad.exporter.several_sweeps import sweep_several
from tb_visualscratchpad.exporter.sweep import SweepResult
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap, LatentStatistics
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.failure_evidence import FailureSet, SetAblation
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch
from tb_visualscratchpad.wire.steering_evidence import ClusterSweep, DoseResponse, SteeringResult, WordContributions

SEED = 0
ASKED_OF_BOTH = ("Three on a beach", "What is there")
"""Cases that are explained by the badly trained dictionary, too."""

Logged = Evidence | FailureSet | SetAblation | DictionaryMatch


@dataclass(frozen=True)
class DemoSummary:
    """What was written.

    Attributes:
        logdir: what to give to ``tensorboard --logdir``.
        dictionary_directory, runs_directory: run directories made in it.
        bad_directory: that of the dictionary that trained badly, with its runs.
        n_pictures: swept for the statistics.
        answers: name and answer of each explained run, in order.
        n_outcomes: steered answers, erasures, sweeps, doses and contributions logged beside them, and the failure set's ablation.
        seconds: how long it took.
    """

    logdir: Path
    dictionary_directory: Path
    runs_directory: Path
    bad_directory: Path
    n_pictures: int
    answers: tuple[tuple[str, str], ...]
    n_outcomes: int
    seconds: float

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.answers)
        lines = [f"  {name:{width}}  {answer}" for name, answer in self.answers]
        head = f"Wrote to {self.logdir}, in {self.seconds:.0f} s: a dictionary over {self.n_pictures} pictures, {len(lines)} runs, and "
        head += f"{self.n_outcomes} outcomes of changing them; and a second dictionary that trained badly, on purpose:"
        return "\n".join([head, *lines])


def write_demo(logdir: Path, progress: bool = True) -> DemoSummary:
    """Computes everything and then writes it, into three new run directories of ``logdir``. Ends in any case whole or with nothing.

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
        bad = load_sae("demo-bad")
        swept, swept_bad = sweep_image_set(vlm, (sae, bad), progress)
        # Before the others: the tab opens with the newest run.
        runs_of_bad = [explain_badly(vlm, bad, case) for case in reversed(CASES) if case.name in ASKED_OF_BOTH]
        runs: dict[str, VlmRun] = {}
        evidence: list[Logged] = []
        # The tab lists the newest run first, and the first case is the one to open with.
        for number, case in enumerate(reversed(CASES), 1):
            say(f"Explaining {number} of {len(CASES)}: {case.name}", progress)
            runs[case.name] = explain_case(vlm, sae, case)
            evidence += [runs[case.name], *outcomes_of(vlm, sae, case, runs, swept.statistics)]
        say("Asking about the pictures of the failure set, as they are and without what tells the failures apart", progress)
        failures = duck_failures(vlm, sae)
        say(told(*failures), progress)
        evidence += failures
        say("Mapping the dictionary", progress)
        geometry = decoder_map(swept.statistics.dictionary, sae.W_dec, swept.references, seed=SEED, progress=progress)
        say("Mapping the dictionary that trained badly", progress)
        bad_geometry = decoder_map(swept_bad.statistics.dictionary, bad.W_dec, swept_bad.references, seed=SEED, progress=progress)
    bad_directory, dictionary_directory, runs_directory = write_evidence(
        logdir,
        {
            "emoji-world-badly-trained": [swept_bad, bad_geometry, *runs_of_bad],
            "emoji-world-dictionary": [swept, geometry, demo_match(vlm, sae, bad)],
            "emoji-world-runs": evidence,
        },
    )
    summary = DemoSummary(
        logdir=logdir,
        dictionary_directory=dictionary_directory,
        runs_directory=runs_directory,
        bad_directory=bad_directory,
        n_pictures=swept.statistics.n_images,
        answers=tuple((run.name, run.output_text) for run in reversed(runs.values())),
        n_outcomes=sum(not isinstance(item, VlmRun | FailureSet) for item in evidence),
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


def explain_badly(vlm: Vlm, bad: SparseAutoencoder, case: Case) -> VlmRun:
    """The same picture and prompt as the case's run, read by the dictionary that trained badly; the answer does not depend on it."""
    run = explain_case(vlm, bad, case)
    return replace(run, name=f"{case.name} (badly trained dictionary)")


def outcomes_of(vlm: Vlm, sae: SparseAutoencoder, case: Case, runs: dict[str, VlmRun], statistics: LatentStatistics) -> Iterator[Evidence]:
    """Of a case study, what mends it; of other cases, nothing.

    Args:
        runs: those explained so far by name, the case's own and the one with the prompt that says it all among them.
    """
    failure = case.failure
    if failure is None:
        return
    other = runs[name_of_other(failure)] if failure.kind is CaseKind.HIDDEN else None
    asked = AskedPicture(vlm, sae, case.composition().picture, case.question.text)
    yield from evidence_of(asked, runs[case.name], failure, statistics, other)


def sweep_image_set(vlm: Vlm, saes: Sequence[SparseAutoencoder], progress: bool) -> tuple[SweepResult, ...]:
    """Composes the labelled pictures in a temporary folder and sweeps them, once for all dictionaries.

    Raises:
        KeyboardInterrupt: the sweep was interrupted; half a demo is none.
    """
    with tempfile.TemporaryDirectory(prefix="emoji-world-") as folder:
        say("Composing the labelled pictures", progress)
        save_labelled_pictures(Path(folder))
        swept = sweep_several(vlm, saes, folder, batch_size=32, progress=progress)
    if not swept[0].statistics.complete:
        raise KeyboardInterrupt
    return swept


def add_swept(writer: ScratchpadWriter, swept: SweepResult) -> None:
    writer.add_latent_statistics(swept.statistics)
    writer.add_references(swept.references)
    writer.add_sae_metrics(swept.metrics)


ADD: dict[type, Callable[..., None]] = {
    VlmRun: ScratchpadWriter.add_vlm_run,
    SteeringResult: ScratchpadWriter.add_steering_result,
    ClusterSweep: ScratchpadWriter.add_cluster_sweep,
    DoseResponse: ScratchpadWriter.add_dose_response,
    WordContributions: ScratchpadWriter.add_word_contributions,
    FailureSet: ScratchpadWriter.add_failure_set,
    SetAblation: ScratchpadWriter.add_set_ablation,
    DictionaryMatch: ScratchpadWriter.add_dictionary_match,
    DecoderMap: ScratchpadWriter.add_decoder_map,
    SweepResult: add_swept,
}


def write_evidence(logdir: Path, evidence: Mapping[str, Sequence[Logged | SweepResult | DecoderMap]]) -> tuple[Path, ...]:
    """Writes into new run directories, one for each name, and returns them; on any error removes them again."""
    made: list[Path] = []
    try:
        for name, items in evidence.items():
            made.append(new_run_directory(logdir, name))
            with ScratchpadWriter(made[-1]) as writer:
                for item in items:
                    ADD[type(item)](writer, item)
    except BaseException:
        for directory in made:
            shutil.rmtree(directory, ignore_errors=True)
        raise
    return tuple(made)
