"""Jobs done: the model asked, and what came of it logged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.exporter.explain import explain
from tb_visualscratchpad.exporter.job_progress import JobProgress
from tb_visualscratchpad.exporter.pictures import read_picture
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.worker.job_request import Job, LoggedPicture, Question, RunJob
from tb_visualscratchpad.exporter.worker.logged_runs import logged_run
from tb_visualscratchpad.exporter.worker.uploaded_pictures import UploadedPictures
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError

DEFAULT_NEW_TOKENS = 512


@dataclass(frozen=True)
class AskedQuestion:
    """A question with everything at hand."""

    picture: Image.Image
    prompt: str
    system: str | None
    max_new_tokens: int


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
        self._logdir = logdir
        self._run = run
        self._writer = writer
        self._pictures = pictures
        self._keep_pictures = keep_pictures
        self._max_new_tokens = max_new_tokens

    def with_picture(self, job: Job) -> Job:
        """The job with its picture in hand. For any thread.

        Raises:
            ScratchpadError: the picture is not there.
        """
        wanted = job.question.picture
        if isinstance(wanted, LoggedPicture):
            if logged_run(self._logdir, wanted).picture is None:
                raise EvidenceNotFound(f"Run {wanted.id!r} was logged without its picture (--no-images): send the picture.")
            return job
        picture = replace(wanted, file=self._pictures.file(wanted.picture_id))
        return replace(job, question=replace(job.question, picture=picture))

    def do(self, job: Job, progress: JobProgress) -> dict[str, Any]:
        """Does a job and logs what comes of it. Returns the ``result`` event's content: ``kind``, ``run``, ``id`` and more.

        Raises:
            ScratchpadError: what the user can put right; nothing of the job is logged.
            Cancelled: ``progress`` says so.
        """
        match job:
            case RunJob():
                return self._do_run(job, progress)

    def _do_run(self, job: RunJob, progress: JobProgress) -> dict[str, Any]:
        asked = self._asked(job.question)
        run = explain(
            self._vlm, self._sae, asked.picture, asked.prompt, None, asked.max_new_tokens, hook=self._hook, system=asked.system,
            name=job.name, keep_picture=self._keep_pictures, progress=progress,
        )
        self._writer.add_vlm_run(run)
        place = {"run": self._run, "id": run.run_id}
        return {"kind": "vlm_run", **place, "vlm_run": place}

    def _asked(self, question: Question) -> AskedQuestion:
        prompt, wanted = question.prompt, question.picture
        if isinstance(wanted, LoggedPicture):
            logged = logged_run(self._logdir, wanted)
            if logged.picture is None:
                raise EvidenceNotFound(f"Run {wanted.id!r} was logged without its picture (--no-images): send the picture.")
            picture = read_picture(logged.picture.data)
            prompt = logged.prompt if prompt is None else prompt
        else:
            picture = self._pictures.decoded(wanted.file or self._pictures.file(wanted.picture_id))
        if prompt is None:
            raise ScratchpadError("The job has no prompt: say what to ask about the picture.")
        n_tokens = question.max_new_tokens or min(DEFAULT_NEW_TOKENS, self._max_new_tokens)
        return AskedQuestion(picture, prompt, question.system, n_tokens)
