"""Jobs done: the model asked, and what came of it logged."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.cluster_sweep import sweep_clusters
from tb_visualscratchpad.exporter.dose_response import dose_response
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.exporter.explain import record_answer, run_of
from tb_visualscratchpad.exporter.head_attention import head_attention, wanted_positions
from tb_visualscratchpad.exporter.job_progress import JobProgress
from tb_visualscratchpad.exporter.pictures import read_picture
from tb_visualscratchpad.exporter.pixel_erasure import erase
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info
from tb_visualscratchpad.exporter.set_ablation import ablate_over_set, require_askable
from tb_visualscratchpad.exporter.steered_answers import steer
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.word_gradient import word_contributions
from tb_visualscratchpad.exporter.worker.job_request import (
    ContributionsJob,
    DoseJob,
    EraseJob,
    HeadsJob,
    Job,
    LoggedPicture,
    Question,
    RunJob,
    SetAblationJob,
    SteerJob,
    SweepJob,
    steered_latents,
)
from tb_visualscratchpad.exporter.worker.logged_runs import logged_failure_set, logged_run
from tb_visualscratchpad.exporter.worker.uploaded_pictures import UploadedPictures
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.steering_evidence import SteeringResult

DEFAULT_NEW_TOKENS = 512
_N_READ = 2


@dataclass(frozen=True)
class AskedQuestion:
    """A question with everything at hand.

    Attributes:
        logged: the run that is asked again, prompt and all; None where there is none.
    """

    asked: AskedPicture
    max_new_tokens: int
    logged: VlmRun | None


class ModelWork:
    """The model and the SAE, and the run directory that their evidence goes to. One job at a time.

    Args:
        hook: as ``explain`` takes it.
        logdir: where logged runs are looked up.
        run: name of the writer's run directory in ``logdir``.
        keep_pictures: False leaves pixels out of the log.
        max_new_tokens: no answer gets longer.
    """

    def __init__(
        self, vlm: Vlm, sae: SparseAutoencoder, hook: str | None, *, logdir: Path, run: str, writer: ScratchpadWriter,
        pictures: UploadedPictures, keep_pictures: bool, max_new_tokens: int,
    ) -> None:
        self._vlm = vlm
        self._sae = sae
        self._hook = hook
        self._dictionary = dictionary_info(vlm, sae, hook)
        self._logdir = logdir
        self._run = run
        self._writer = writer
        self._pictures = pictures
        self._keep_pictures = keep_pictures
        self._max_new_tokens = max_new_tokens
        self._read: OrderedDict[tuple[str | None, ...], AskedPicture] = OrderedDict()

    def ready(self, job: Job) -> Job:
        """The job with its picture in hand, after everything that can be checked at once. For any thread.

        Raises:
            ScratchpadError: what is wrong with it.
        """
        latents = steered_latents(job)
        beyond = sorted({latent for latent in latents if not 0 <= latent < self._dictionary.n_latents})
        if beyond:
            raise ScratchpadError(f"Latents {beyond[:5]} were given, the dictionary has {self._dictionary.n_latents}, numbered from 0: choose among those.")
        if isinstance(job, SetAblationJob):
            require_askable(logged_failure_set(self._logdir, job.failure_set), self._dictionary.dictionary_id)
            return job
        if isinstance(job, HeadsJob):
            run = self._logged(job.logged)
            self._require_own_latents(run, needed=run.steering is not None)
            wanted_positions(run, job.tokens, job.row)
            return job
        wanted = job.question.picture
        if not isinstance(wanted, LoggedPicture):
            picture = replace(wanted, file=self._pictures.file(wanted.picture_id))
            return replace(job, question=replace(job.question, picture=picture))
        self._require_own_latents(self._logged(wanted), needed=bool(latents))
        return job

    def _require_own_latents(self, logged: VlmRun, *, needed: bool) -> None:
        if needed and logged.dictionary.dictionary_id != self._dictionary.dictionary_id:
            raise ScratchpadError(
                f"Run '{logged.name}' was recorded with the dictionary {logged.dictionary.name!r}, the worker has {self._dictionary.name!r}, whose latents "
                "are others: start a worker with the run's own model and SAE."
            )

    def do(self, job: Job, progress: JobProgress) -> dict[str, Any]:
        """Does a job and logs what comes of it. Returns the ``result`` event's content: ``kind``, ``run``, ``id`` and more.

        Raises:
            ScratchpadError: what the user can put right.
            Cancelled: ``progress`` says so; nothing of the job is logged.
        """
        if isinstance(job, SetAblationJob):
            return self._set_ablation(job, progress)
        if isinstance(job, HeadsJob):
            return self._heads(job, progress)
        question = self._asked(job.question, progress)
        match job:
            case RunJob():
                return self._run_job(job, question, progress)
            case SteerJob():
                return self._steer(job, question, progress)
            case EraseJob():
                return self._erase(job, question, progress)
            case SweepJob():
                return self._sweep(job, question, progress)
            case DoseJob():
                return self._dose(job, question, progress)
            case ContributionsJob():
                return self._contributions(job, question, progress)

    def _run_job(self, job: RunJob, question: AskedQuestion, progress: JobProgress) -> dict[str, Any]:
        recorded = record_answer(question.asked, None, question.max_new_tokens, progress=progress)
        run = run_of(question.asked, recorded, name=job.name, keep_picture=self._keep_pictures)
        progress.check()
        self._writer.add_vlm_run(run)
        return self._place("vlm_run", run.run_id, run)

    def _steer(self, job: SteerJob, question: AskedQuestion, progress: JobProgress) -> dict[str, Any]:
        result, run = steer(
            question.asked, job.spec, max_new_tokens=question.max_new_tokens, name=job.name, logged=question.logged,
            keep_picture=self._keep_pictures, progress=progress,
        )
        return self._log_beside_run(result, run, progress)

    def _erase(self, job: EraseJob, question: AskedQuestion, progress: JobProgress) -> dict[str, Any]:
        result, run = erase(
            question.asked, job.box, job.fill, max_new_tokens=question.max_new_tokens, name=job.name, logged=question.logged,
            keep_picture=self._keep_pictures, progress=progress,
        )
        return self._log_beside_run(result, run, progress)

    def _sweep(self, job: SweepJob, question: AskedQuestion, progress: JobProgress) -> dict[str, Any]:
        sweep = sweep_clusters(
            question.asked, job.clusters, max_new_tokens=question.max_new_tokens, name=job.name, logged=question.logged, progress=progress
        )
        progress.check()
        self._writer.add_cluster_sweep(sweep)
        return self._place("cluster_sweep", sweep.result_id, None)

    def _dose(self, job: DoseJob, question: AskedQuestion, progress: JobProgress) -> dict[str, Any]:
        response = dose_response(
            question.asked, job.latents, job.op, job.values, job.words, where=job.where, max_new_tokens=question.max_new_tokens,
            name=job.name, logged=question.logged, progress=progress,
        )
        progress.check()
        self._writer.add_dose_response(response)
        return self._place("dose_response", response.result_id, None)

    def _contributions(self, job: ContributionsJob, question: AskedQuestion, progress: JobProgress) -> dict[str, Any]:
        found = word_contributions(
            question.asked, job.word, max_new_tokens=question.max_new_tokens, name=job.name, logged=question.logged, progress=progress
        )
        progress.check()
        self._writer.add_word_contributions(found)
        return self._place("word_contributions", found.result_id, None)

    def _set_ablation(self, job: SetAblationJob, progress: JobProgress) -> dict[str, Any]:
        found = ablate_over_set(
            self._vlm, self._sae, logged_failure_set(self._logdir, job.failure_set), job.latents, chosen_on=job.chosen_on, name=job.name,
            max_new_tokens=self._max_new_tokens, progress=progress,
        )
        progress.check()
        self._writer.add_set_ablation(found)
        return self._place("set_ablation", found.result_id, None)

    def _heads(self, job: HeadsJob, progress: JobProgress) -> dict[str, Any]:
        run = self._logged(job.logged)
        asked = self._up_to_hook(self._picture_of(run), run.prompt, run.system, progress)
        found = head_attention(asked, run, job.tokens, row=job.row, name=job.name, progress=progress)
        progress.check()
        self._writer.add_head_attention(found)
        return self._place("head_attention", found.result_id, None)

    def _log_beside_run(self, result: SteeringResult, run: VlmRun, progress: JobProgress) -> dict[str, Any]:
        progress.check()
        # The run first: the result names it.
        self._writer.add_vlm_run(run)
        self._writer.add_steering_result(result)
        return self._place("steering_result", result.result_id, run)

    def _place(self, kind: str, identifier: str, run: VlmRun | None) -> dict[str, Any]:
        place: dict[str, Any] = {"kind": kind, "run": self._run, "id": identifier}
        return place if run is None else {**place, "vlm_run": {"run": self._run, "id": run.run_id}}

    def _asked(self, question: Question, progress: JobProgress) -> AskedQuestion:
        wanted, logged = question.picture, None
        prompt, system, n_tokens = question.prompt, question.system, question.max_new_tokens
        if isinstance(wanted, LoggedPicture):
            run = self._logged(wanted)
            picture = self._picture_of(run)
            prompt = run.prompt if prompt is None else prompt
            system = run.system if system is None else system
            n_tokens = n_tokens or run.max_new_tokens
            logged = run if (prompt, system) == (run.prompt, run.system) and run.steering is None else None
        else:
            picture = self._pictures.decoded(wanted.file or self._pictures.file(wanted.picture_id))
        assert prompt is not None, "a job with an uploaded picture has a prompt"
        n_tokens = min(n_tokens or DEFAULT_NEW_TOKENS, self._max_new_tokens)
        return AskedQuestion(self._up_to_hook(picture, prompt, system, progress), n_tokens, logged)

    def _up_to_hook(self, picture: Image.Image, prompt: str, system: str | None, progress: JobProgress) -> AskedPicture:
        """The picture read up to the hook; the last few stay at hand, since one is seldom asked about once."""
        key = (hashlib.sha256(picture.tobytes()).hexdigest(), str(picture.size), prompt, system)
        if key not in self._read:
            progress.stage("picture", 0, 1)
            self._read[key] = AskedPicture(self._vlm, self._sae, picture, prompt, hook=self._hook, system=system)
            progress.stage("picture", 1, 1)
            while len(self._read) > _N_READ:
                self._read.popitem(last=False)
        self._read.move_to_end(key)
        return self._read[key]

    @staticmethod
    def _picture_of(run: VlmRun) -> Image.Image:
        """The very pixels, where they were logged."""
        shown = run.exact_picture or run.picture
        assert shown is not None, "it was asked for"
        return read_picture(shown.data)

    def forget_pictures(self) -> None:
        """Lets go of what is kept of pictures, so that memory comes free."""
        self._read.clear()

    def _logged(self, wanted: LoggedPicture) -> VlmRun:
        run = logged_run(self._logdir, wanted)
        if run.picture is None:
            raise EvidenceNotFound(f"Run {wanted.id!r} was logged without its picture (--no-images): send the picture.")
        return run
