"""Logs that are real but odd: little, much, strange, damaged. Each run has the name of what is odd about it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views import compute_latent_order
from tb_visualscratchpad.wire.codecs import envelope
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import DictionaryInfo, Span, TokenSequence, VlmRun
from tb_visualscratchpad.wire.version import SCHEMA_VERSION
from tests.random_evidence import (
    random_decoder_map,
    random_dictionary,
    random_image_tokens,
    random_metrics,
    random_picture,
    random_references,
    random_statistics,
    random_vlm_run,
)

N_LATENTS = 96
ENGLISH = tuple(" " + word for word in "the small red fox looks at a tree near the old house and waits".split())
LONG_WORD = " " + "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
STRANGE_WORDS = (
    " كلب", " صغير", " שלום", "桜", "の木", "猫", "🐈", "👩\u200d👩\u200d👧", "\n", "\t", "\n\n", " e\u0301", "\u200b", "", "   ",
    "<script>alert(1)</script>", "&amp;", LONG_WORD, " مرحبا بالعالم", "\u202eevil", ".",
)
"""Right-to-left, CJK, emoji, line ends and tabs, combining, invisible, empty, blank, markup, very long, an override."""
PIXELS_20M = (5472, 3648)


@dataclass(frozen=True)
class OddLog:
    """Runs by what is odd about them; ``runs[name]`` is logged as ``logdir/name``."""

    logdir: Path
    dictionary: DictionaryInfo
    runs: dict[str, VlmRun]

    def parameters(self, name: str) -> str:
        """The part of the address that chooses a run."""
        return f"&p.visualscratchpad.run={name}&p.visualscratchpad.id={self.runs[name].run_id}"


def with_words(run: VlmRun, words: tuple[str, ...], span: Span = Span.OUTPUT) -> VlmRun:
    """The run with its tokens of ``span`` saying ``words`` over and over."""
    places = {int(index): place for place, index in enumerate(run.tokens.indices(span))}
    tokens = tuple(
        replace(token, text=words[places[token.index] % len(words)]) if token.index in places else token
        for token in run.tokens
    )
    said = "".join(token.text for token in tokens if token.span is Span.OUTPUT)
    return replace(run, tokens=TokenSequence(tokens), output_text=said)


def all_dead(statistics: LatentStatistics) -> LatentStatistics:
    """The same image set with a dictionary in which nothing fires."""
    nothing = np.zeros(statistics.dictionary.n_latents, np.int64)
    return replace(
        statistics,
        n_images_firing_K=nothing, n_patches_firing_K=nothing, activation_sum_K=nothing.astype(np.float64),
        label_entropy_K=nothing.astype(np.float32), label_entropy_defined_K=nothing.astype(bool),
        top_label_K=np.full(nothing.size, -1, np.int32), top_label_share_K=nothing.astype(np.float32),
    )


def write_odd_runs(logdir: Path) -> OddLog:
    """One dictionary with all its evidence, and a run for each oddity."""
    dictionary = random_dictionary(4, n_latents=N_LATENTS)
    unknown = random_dictionary(5, n_latents=N_LATENTS, name="never swept")
    dead = random_dictionary(6, n_latents=N_LATENTS, name="all dead")
    write_dictionary(logdir / "sweep", dictionary)
    write_dead_dictionary(logdir / "dead-sweep", dead)

    def run(seed: int, words: tuple[str, ...] = ENGLISH, **options: object) -> VlmRun:
        drawn = random_vlm_run(seed, **{"dictionary": dictionary, "n_firing": 8, "n_output": 12, "picture_side": 320, **options})
        spoken = with_words(with_words(drawn, ENGLISH, Span.INPUT), words)
        return replace(spoken, order=compute_latent_order(spoken), prompt="describe the picture .")

    wide, high = PIXELS_20M
    runs = {
        "plain": run(20),
        "no-statistics": run(21, dictionary=unknown),
        "all-dead": run(22, dictionary=dead, n_firing=0),
        "one-word": run(23, (" fox",), n_output=1),
        "no-words": run(24, n_output=0),
        "500-words": run(25, n_output=500, per_layer=False, truncated=True),
        "2000-token-prompt": run(26, n_input=2000, n_layers=1),
        "20-megapixels": run(27, picture_side=1024),
        "strange-words": run(28, STRANGE_WORDS, n_output=len(STRANGE_WORDS)),
        "no-picture": run(29, picture=False),
        "no-sidecar": run(30),
        "truncated-sidecar": run(31),
        "altered-sidecar": run(32),
        "cut-event-file": run(33),
        "newer-schema": run(34),
    }
    large = random_image_tokens(27, grid=4, tile_rows=1, tile_columns=2, width=wide, height=high)
    runs["20-megapixels"] = replace(
        runs["20-megapixels"], image_tokens=large, picture=random_picture(27, width=1024, height=1024 * high // wide)
    )
    for name, one in runs.items():
        runs[name] = replace(one, name=name)
        version = SCHEMA_VERSION + (name == "newer-schema")
        with mock.patch.object(envelope, "SCHEMA_VERSION", version), ScratchpadWriter(logdir / name) as writer:
            writer.add_vlm_run(runs[name])
    for name, damage in DAMAGES.items():
        damage(logdir / name)
    return OddLog(logdir, dictionary, runs)


def write_dictionary(directory: Path, dictionary: DictionaryInfo) -> None:
    """All evidence of a dictionary."""
    known = {"dictionary": dictionary, "n_latents": dictionary.n_latents}
    with ScratchpadWriter(directory) as writer:
        writer.add_latent_statistics(random_statistics(4, **known))
        writer.add_references(random_references(4, **known))
        writer.add_decoder_map(random_decoder_map(4, **known))
        writer.add_sae_metrics(random_metrics(4, dictionary=dictionary))


def write_dead_dictionary(directory: Path, dictionary: DictionaryInfo) -> None:
    """Evidence of a dictionary in which no latent ever fired: no references, no place on the second map."""
    known = {"dictionary": dictionary, "n_latents": dictionary.n_latents}
    with ScratchpadWriter(directory) as writer:
        writer.add_latent_statistics(all_dead(random_statistics(6, **known)))
        writer.add_references(random_references(6, dead_share=2.0, **known))
        writer.add_decoder_map(random_decoder_map(6, firing=False, **known))
        metrics = random_metrics(6, dictionary=dictionary)
        writer.add_sae_metrics(replace(metrics, l0=0.0, fvu=1.0, n_dead=dictionary.n_latents, n_dense=0))


def _sidecar(directory: Path) -> Path:
    (path,) = directory.rglob("*.safetensors")
    return path


def _events(directory: Path) -> Path:
    (path,) = directory.glob("events.out.tfevents.*")
    return path


def _remove_sidecar(directory: Path) -> None:
    _sidecar(directory).unlink()


def _truncate_sidecar(directory: Path) -> None:
    path = _sidecar(directory)
    os.truncate(path, path.stat().st_size - 8)


def _alter_sidecar(directory: Path) -> None:
    path = _sidecar(directory)
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(content)


def _cut_events(directory: Path) -> None:
    path = _events(directory)
    os.truncate(path, path.stat().st_size // 2)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "no-sidecar": _remove_sidecar,
    "truncated-sidecar": _truncate_sidecar,
    "altered-sidecar": _alter_sidecar,
    "cut-event-file": _cut_events,
}
"""What happens to a run's directory after it was written."""
