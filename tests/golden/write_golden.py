"""Writes the golden log of the present schema: ``python tests/golden/write_golden.py`` from the root of the checkout.

The evidence is made by counting, not by chance, so that no version of any library changes it. A golden log is written once
per schema version and then kept for good: later versions must go on reading it.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter  # noqa: E402
from tb_visualscratchpad.wire.dictionary_evidence import (  # noqa: E402
    DecoderMap,
    LatentStatistics,
    ReferenceImages,
    SaeMetrics,
)
from tb_visualscratchpad.wire.evidence import (  # noqa: E402
    DictionaryInfo,
    EncodedPicture,
    ImageTokenMap,
    LatentActivations,
    LatentOrder,
    Span,
    Token,
    TokenAlternative,
    TokenAttention,
    TokenSequence,
    VlmRun,
)
from tb_visualscratchpad.wire.version import SCHEMA_VERSION  # noqa: E402

GOLDEN = Path(__file__).resolve().parent
STEP = 5
N_LATENTS = 6
DICTIONARY = DictionaryInfo(
    dictionary_id="0123456789abcdef" * 4,
    name="golden dictionary",
    vlm_name="golden-vlm",
    sae_name="golden-sae",
    hook="projector_input",
    d_in=4,
    n_latents=N_LATENTS,
    activation="topk",
)
PICTURE = EncodedPicture(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    ),
    "image/png",
    1,
    1,
)


def image_tokens() -> ImageTokenMap:
    """A base view of 2 x 2 patches and one tile whose lower row is padding; a newline after the tile's row."""
    box = np.zeros((8, 4), np.float32)
    for patch in range(4):
        row, column = divmod(patch, 2)
        box[patch] = [column * 10, row * 5, column * 10 + 10, row * 5 + 5]
    box[4], box[5] = [0, 0, 10, 10], [10, 0, 20, 10]
    return ImageTokenMap(
        width=20, height=10, grid=2, tile_rows=1, tile_columns=1,
        patch_box_P4=box,
        patch_token_P=np.array([0, 1, 2, 3, 4, 5, -1, -1], np.int32),
        token_patch_I=np.array([0, 1, 2, 3, 4, 5, -1], np.int32),
        token_image_I=np.zeros(7, np.int32),
    )


def vlm_run() -> VlmRun:
    spans = [Span.SYSTEM] + [Span.IMAGE] * 7 + [Span.INPUT] * 2 + [Span.OUTPUT] * 3
    texts = ["<s>"] + ["<image>"] * 7 + [" what", "?"] + [" a", " كلب", " 🐈"]
    tokens = tuple(
        Token(
            index=i,
            token_id=100 + i,
            text=text,
            span=span,
            template=span is Span.SYSTEM,
            logprob=-0.25 * i if span is Span.OUTPUT else None,
            alternatives=(TokenAlternative(7, " the", -2.0), TokenAlternative(8, "", -3.5)) if span is Span.OUTPUT else (),
        )
        for i, (span, text) in enumerate(zip(spans, texts))
    )
    per_layer = (np.arange(2 * 5 * 7).reshape(2, 5, 7) % 16 / 128).astype(np.float32)
    per_layer[:, 0] = 0
    return VlmRun(
        run_id="golden-run",
        name="Golden run",
        created=1_700_000_000.5,
        dictionary=DICTIONARY,
        prompt="what?",
        output_text=" a كلب 🐈",
        truncated=True,
        tokens=TokenSequence(tokens),
        attention=TokenAttention(
            query_position_T=np.array([0, 8, 9, 10, 11], np.int64),
            layers=(0, 3),
            mean_TI=per_layer.mean(axis=0),
            per_layer_LTI=per_layer,
        ),
        image_tokens=image_tokens(),
        latents=LatentActivations(
            n_latents=N_LATENTS,
            indptr_P=np.array([0, 2, 2, 3, 5, 6, 6, 7, 8], np.int64),
            latent_N=np.array([0, 5, 1, 0, 4, 2, 3, 3], np.int32),
            value_N=np.array([0.5, 1.0, 2.0, 0.25, 4.0, 0.125, 1.5, 3.0], np.float32),
        ),
        picture=PICTURE,
        steering='{"version": 1, "interventions": [{"latent": 5, "op": "SCALE", "value": 0.0}]}',
        order=LatentOrder(
            np.array([4, 0, 5], np.int32), np.array([[0.0, 1.0, 0.25, 2.0], [2.0, 3.0, 0.75, 3.0]], np.float64)
        ),
    )


def latent_statistics() -> LatentStatistics:
    return LatentStatistics(
        dictionary=DICTIONARY,
        image_set_id="golden-images",
        n_images=100,
        n_patches=70_000,
        n_images_firing_K=np.array([0, 1, 10, 50, 100, 9], np.int64),
        n_patches_firing_K=np.array([0, 1, 300, 5000, 70_000, 20], np.int64),
        activation_sum_K=np.array([0, 0.5, 600, 1250, 7e4, 1 / 3], np.float64),
        label_names=("cat", "größe"),
        label_entropy_K=np.array([0, 0, 0.5, 0.25, 0.6875, 0], np.float32),
        label_entropy_defined_K=np.array([False, False, True, True, True, False]),
        top_label_K=np.array([-1, 0, 1, 0, 1, 1], np.int32),
        top_label_share_K=np.array([0, 1, 0.75, 0.5, 0.625, 1], np.float32),
        broken_images=("cat/broken.jpg",),
        n_broken=1,
        complete=False,
    )


def reference_images() -> ReferenceImages:
    image = np.full((N_LATENTS, 10), -1, np.int32)
    plain = np.zeros((N_LATENTS, 10), np.float32)
    image[1, 0], plain[1, 0] = 1, 0.5
    image[4, :2], plain[4, :2] = [0, 1], [2.0, 1.0]
    lengths = np.zeros(N_LATENTS * 10, np.int64)
    lengths[[10, 40, 41]] = [1, 2, 1]
    return ReferenceImages(
        dictionary=DICTIONARY,
        image_set_id="golden-images",
        label_names=("cat", "größe"),
        image_names=("cat/1.png", "größe/2.png"),
        image_label_M=np.array([0, 1], np.int32),
        geometries=(image_tokens(),),
        image_geometry_M=np.array([0, 0], np.int32),
        pictures=(PICTURE, PICTURE),
        image_KR=image,
        plain_mean_KR=plain,
        map_indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        map_patch_N=np.array([3, 0, 5, 2], np.int32),
        map_value_N=np.array([3.0, 8.0, 4.0, 6.0], np.float32),
    )


def decoder_map() -> DecoderMap:
    firing = np.arange(12, dtype=np.float32).reshape(6, 2) / 8
    firing[0] = np.nan
    return DecoderMap(
        dictionary=DICTIONARY,
        method="counting",
        seed=3,
        xy_K2=np.arange(12, dtype=np.float32).reshape(6, 2) / 4,
        cluster_K=np.array([0, 0, 1, 1, -1, 2], np.int32),
        neighbour_KN=np.array([[1, 2], [0, 2], [3, 1], [2, 1], [5, 0], [4, 0]], np.int32),
        neighbour_cosine_KN=np.array([[0.5, 0.25]] * 6, np.float32),
        firing_method="counting too",
        firing_xy_K2=firing,
        firing_cluster_K=np.array([-1, 0, 0, 1, 1, -1], np.int32),
    )


def sae_metrics() -> SaeMetrics:
    return SaeMetrics(
        dictionary=DICTIONARY, image_set_id="golden-images", n_images=100, n_patches=70_000, l0=2.5, fvu=0.125, n_dead=1,
        n_dense=2, dense_cutoff=0.25,
    )


def write(directory: Path) -> None:
    """Write all of it as one run directory; the event file gets a name without host and time."""
    with ScratchpadWriter(directory) as writer:
        writer.add_vlm_run(vlm_run())
        writer.add_latent_statistics(latent_statistics(), STEP)
        writer.add_references(reference_images(), STEP)
        writer.add_decoder_map(decoder_map(), STEP)
        writer.add_sae_metrics(sae_metrics(), STEP)
    (events,) = directory.glob("events.out.tfevents.*")
    events.rename(directory / "events.out.tfevents.0000000000.golden.visualscratchpad")


if __name__ == "__main__":
    target = GOLDEN / f"v{SCHEMA_VERSION}"
    if target.exists():
        sys.exit(f"{target} is there already. A golden log is never written anew: raise SCHEMA_VERSION, or delete it by hand.")
    write(target)
    print(f"wrote {target}", file=sys.stderr)
