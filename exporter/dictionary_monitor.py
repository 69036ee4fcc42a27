"""``DictionaryMonitor``: watches a dictionary grow, from within the loop that trains it."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.decoder_drift import DecoderFollower
from tb_visualscratchpad.exporter.decoder_map import decoder_map
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.exporter.explain import record_answer, run_of
from tb_visualscratchpad.exporter.pictures import PictureSource
from tb_visualscratchpad.exporter.probe_set import ActivationProbe, ImageProbe
from tb_visualscratchpad.exporter.sae.dictionary import activation_in_words, dictionary_info
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.steered_answers import variant_of
from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.exporter.step_log import newest_logged
from tb_visualscratchpad.exporter.variants import answer_variants
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.writing_process import is_writing_process
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap, ReferenceImages
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import DictionaryInfo

N_PROBE_IMAGES = 32


@dataclass(frozen=True)
class MonitorPace:
    """How often what is logged, in steps of training and in calls that log.

    Attributes:
        every: steps between two calls that log metrics and statistics.
        references_every, map_every, explain_every: so many of those calls apart are references, decoder map, and explained probe runs;
            0 for never. The first call logs everything.
    """

    every: int = 250
    references_every: int = 5
    map_every: int = 10
    explain_every: int = 10

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ScratchpadError(f"The monitor's interval is {self.every} steps: expected at least 1.")
        for name in ("references_every", "map_every", "explain_every"):
            if getattr(self, name) < 0:
                raise ScratchpadError(f"{name} is {getattr(self, name)}: expected a number of calls, or 0 for never.")


class DictionaryMonitor:
    """Logs metrics, statistics, references, decoder map and explained probe runs of an SAE in training.

    Call it with the step in every step of the loop; it logs when that is due and returns at once otherwise. It changes neither
    weights nor random states. What cannot be logged (a full disk) is warned of, and training goes on.

    The weights change, the dictionary stays one: its identity is that of the run directory, the VLM, the hook and ``name``, so that
    all steps are one series, and a restarted process goes on with it.

    Args:
        writer: where to.
        sae: the SAE, on parameters that are trained in place (see ``live_sae``), or a function that gives its present state.
        vlm: the model whose features the SAE reads, with ``images``, a folder. The tower reads them here, once.
        activations: in place of both, [images, patches, d] or [N, d] as the hook gives them; then there are no references and no
            explained runs.
        hook: where the SAE reads; by default the hook its file names, else what the projector reads.
        prompts: pictures and prompts to be explained.
        max_new_tokens: where the answers to ``prompts`` are cut.
        name: what the tab calls the dictionary, by default the SAE's name.
        n_images: at most so many images of the folder.
        keep_images: False logs no pictures.

    Raises:
        ScratchpadError: neither or both of VLM with images and activations, an SAE that does not fit, or no image to read.
    """

    def __init__(
        self,
        writer: ScratchpadWriter,
        sae: SparseAutoencoder | Callable[[], SparseAutoencoder],
        *,
        vlm: Vlm | None = None,
        images: str | Path | None = None,
        activations: torch.Tensor | None = None,
        hook: str | None = None,
        prompts: Sequence[tuple[PictureSource, str]] = (),
        max_new_tokens: int = 64,
        pace: MonitorPace = MonitorPace(),
        name: str | None = None,
        n_images: int = N_PROBE_IMAGES,
        batch_size: int = 8,
        keep_images: bool = True,
        seed: int = 0,
    ) -> None:
        if (activations is None) == (vlm is None or images is None) or (activations is not None and prompts):
            raise ScratchpadError(
                "Give the monitor a VLM with a folder of images, or activations alone (which nothing can be asked about)."
            )
        self.pace = pace
        self._writer, self._sae, self._vlm = writer, sae, vlm
        self._prompts, self._max_new_tokens, self._keep_images, self._seed = tuple(prompts), max_new_tokens, keep_images, seed
        self._last_step: int | None = None
        self._n_logged = 0
        self._references: ReferenceImages | None = None
        self._decoder = DecoderFollower()
        present = self._present_sae()
        self.dictionary = _growing_dictionary(present, vlm, hook, name, writer.run_directory)
        self._map: DecoderMap | None = None
        self._probe: ImageProbe | ActivationProbe | None = None
        if not is_writing_process():
            return
        if activations is not None:
            self._probe = ActivationProbe(activations)
        elif vlm is not None and images is not None:
            with torch.no_grad():
                self._probe = ImageProbe(
                    vlm, images, self.dictionary.hook, n_images=n_images, batch_size=batch_size, keep_images=keep_images
                )
        earlier = newest_logged(writer.run_directory, pb.DECODER_MAP, self.dictionary.dictionary_id)
        self._map = earlier if isinstance(earlier, DecoderMap) else None

    def __call__(self, step: int) -> bool:
        """Log when it is due: at the first call, and ``pace.every`` steps or more after the last time.

        Returns:
            Whether it was due. Never on ranks that do not write.
        """
        if self._probe is None or (self._last_step is not None and step - self._last_step < self.pace.every):
            return False
        self._last_step = step
        number, self._n_logged = self._n_logged, self._n_logged + 1
        try:
            with torch.no_grad():
                self._log(step, number)
        except ScratchpadError as error:
            warnings.warn(f"Step {step} was not logged whole. {error}", RuntimeWarning, stacklevel=2)
        return True

    def _log(self, step: int, number: int) -> None:
        sae = self._present_sae()
        assert self._probe is not None
        statistics, metrics, references = self._probe.read(sae, self.dictionary)
        answers_kept = self._explain(sae, step) if _is_due(number, self.pace.explain_every) else None
        self._writer.add_sae_metrics(metrics, step, answers_kept=answers_kept)
        self._writer.add_latent_statistics(replace(statistics, decoder_drift=self._decoder.measure(step, sae.W_dec)), step)
        if references is not None and _is_due(number, self.pace.references_every):
            self._writer.add_references(references, step)
        if _is_due(number, self.pace.map_every):
            self._map = decoder_map(
                self.dictionary, sae.W_dec, references, seed=self._seed, progress=False, earlier=self._map
            )
            self._writer.add_decoder_map(self._map, step)

    def _explain(self, sae: SparseAutoencoder, step: int) -> float | None:
        """Log a run of each prompt; the share whose answer stays the same under the reconstruction, None where that cannot be told."""
        if self._vlm is None or not self._prompts:
            return None
        n_kept, reaches = 0, True
        for picture, prompt in self._prompts:
            asked = AskedPicture(self._vlm, sae, picture, prompt, hook=self.dictionary.hook)
            recorded = record_answer(asked, None, self._max_new_tokens)
            run = run_of(asked, recorded, name=f"{prompt} (step {step})", keep_picture=self._keep_images)
            series = _series_id(self.dictionary, asked)
            self._writer.add_vlm_run(replace(run, dictionary=self.dictionary, series_id=series), step)
            reaches = asked.point.reaches_projector
            if reaches:
                rebuilt = variant_of("reconstruction", asked.edit(SteeringSpec(error="dropped")))
                answer = answer_variants(asked, [rebuilt], self._max_new_tokens)[0].answer
                n_kept += answer.token_ids == recorded.answer.token_ids
        return n_kept / len(self._prompts) if reaches else None

    def _present_sae(self) -> SparseAutoencoder:
        return self._sae if isinstance(self._sae, SparseAutoencoder) else self._sae()


def _series_id(dictionary: DictionaryInfo, asked: AskedPicture) -> str:
    """Of the same dictionary asked the same about the same pixels, in this process or in one that goes on with its training."""
    picture = asked.picture
    parts = (dictionary.dictionary_id, str(picture.size), asked.prompt, asked.system or "")
    return hashlib.sha256("\0".join(("series", *parts)).encode() + b"\0" + picture.tobytes()).hexdigest()[:32]


def _is_due(number: int, every: int) -> bool:
    return every > 0 and number % every == 0


def _growing_dictionary(
    sae: SparseAutoencoder, vlm: Vlm | None, hook: str | None, name: str | None, run_directory: Path
) -> DictionaryInfo:
    if vlm is None:
        info = DictionaryInfo(
            dictionary_id="", name=sae.name, vlm_name="given activations", sae_name=sae.name, hook=hook or "given activations", d_in=sae.d_in,
            n_latents=sae.n_latents, activation=activation_in_words(sae),
        )
    else:
        info = dictionary_info(vlm, sae, hook)
    parts = (
        os.path.realpath(run_directory), "" if vlm is None else vlm.identity, info.hook, name or sae.name, str(sae.d_in), str(sae.n_latents)
    )
    identity = hashlib.sha256("\0".join(("in training", *parts)).encode()).hexdigest()
    return replace(info, dictionary_id=identity, name=f"{name or info.name} (in training)")
