"""Random valid evidence of any size: the same seed and sizes give the same evidence.

What is drawn keeps the shape of the real thing: a LLaVA-Next-like token layout (base view, tiles with padding, newlines),
attention rows that sum to less than one, sparse positive latents, statistics that agree with one another.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import numpy as np
from PIL import Image
from scipy import sparse
from scipy.cluster import hierarchy

from tb_visualscratchpad.wire.dictionary_evidence import (
    N_REFERENCES,
    DecoderMap,
    LatentStatistics,
    ReferenceImages,
    SaeMetrics,
)
from tb_visualscratchpad.wire.evidence import (
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
from tb_visualscratchpad.wire.truth_evidence import TruthFigure, TruthReport

WORDS = (" a", " red", " dog", "s", " and", "▁the", "<0x0A>", "\n", " 桜", " كلب", " שלום", "🐈", " e\u0301", "\u200d", ".", "")
"""Texts of tokens: plain, SentencePiece, byte, right-to-left, combining, joined, empty."""


def random_dictionary(seed: int = 0, *, n_latents: int = 64, d_in: int = 16, name: str | None = None) -> DictionaryInfo:
    """A dictionary whose id depends on the seed and the sizes alone."""
    identity = hashlib.sha256(f"{seed}/{n_latents}/{d_in}".encode()).hexdigest()
    return DictionaryInfo(
        dictionary_id=identity,
        name=name or f"dictionary {seed}",
        vlm_name="random-vlm",
        sae_name=f"random-sae-{seed}",
        hook="projector_input",
        d_in=d_in,
        n_latents=n_latents,
        activation="topk",
    )


def random_picture(seed: int = 0, *, width: int = 64, height: int = 48, mime: str = "image/jpeg") -> EncodedPicture:
    """A blurred noise picture, so that JPEG behaves as on photographs."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (max(height // 8, 1), max(width // 8, 1), 3), dtype=np.uint8))
    stream = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BILINEAR).save(stream, "JPEG" if mime == "image/jpeg" else "PNG")
    return EncodedPicture(stream.getvalue(), mime, width, height)


def random_image_tokens(
    seed: int = 0,
    *,
    grid: int = 4,
    tile_rows: int = 1,
    tile_columns: int = 2,
    newlines: bool = True,
    padding_rows: int | None = None,
    width: int = 320,
    height: int = 200,
) -> ImageTokenMap:
    """Base view, then tiles row by row, ``padding_rows`` patch rows packed away at the top and bottom of the tile area
    (drawn when None), a newline token after every row of the tile area."""
    rng = np.random.default_rng(seed)
    n_views = 1 + tile_rows * tile_columns
    n_patches = n_views * grid**2
    box = np.zeros((n_patches, 4), np.float32)
    patch_token = np.full(n_patches, -1, np.int32)
    token_patch: list[int] = []

    for patch in range(grid**2):
        row, column = divmod(patch, grid)
        box[patch] = np.array([column * width, row * height, (column + 1) * width, (row + 1) * height]) / grid
        token_patch.append(patch)

    n_rows, n_columns = tile_rows * grid, tile_columns * grid
    if padding_rows is None:
        padding_rows = int(rng.integers(0, max(n_rows // 4, 1)))
    visible = n_rows - 2 * padding_rows
    for row in range(padding_rows, n_rows - padding_rows):
        for column in range(n_columns):
            view = 1 + (row // grid) * tile_columns + column // grid
            patch = view * grid**2 + (row % grid) * grid + column % grid
            top, bottom = (row - padding_rows) / visible, (row - padding_rows + 1) / visible
            box[patch] = [column * width / n_columns, top * height, (column + 1) * width / n_columns, bottom * height]
            token_patch.append(patch)
        if newlines:
            token_patch.append(-1)

    token_patch_I = np.array(token_patch, dtype=np.int32)
    carried = np.flatnonzero(token_patch_I >= 0)
    patch_token[token_patch_I[carried]] = carried
    return ImageTokenMap(
        width=width,
        height=height,
        grid=grid,
        tile_rows=tile_rows,
        tile_columns=tile_columns,
        patch_box_P4=box,
        patch_token_P=patch_token,
        token_patch_I=token_patch_I,
        token_image_I=np.zeros(token_patch_I.size, np.int32),
    )


def random_latents(seed: int, *, n_patches: int, n_latents: int, n_firing: int) -> LatentActivations:
    """At most ``n_firing`` latents per patch, a few of them common to many patches; ``n_firing`` 0 is silence."""
    rng = np.random.default_rng(seed)
    n_firing = min(n_firing, n_latents)
    if n_firing == 0:
        return LatentActivations(n_latents, np.zeros(n_patches + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    draw = (rng.random((n_patches, n_firing)) ** 3 * n_latents).astype(np.int64)
    rows = np.repeat(np.arange(n_patches), n_firing)
    value = rng.gamma(2.0, 1.0, draw.size).astype(np.float32) + np.float32(1e-3)
    matrix = sparse.csr_matrix((value, (rows, draw.ravel())), shape=(n_patches, n_latents))
    return LatentActivations.from_csr(matrix)


def random_tokens(
    seed: int, *, n_image: int, n_system: int, n_input: int, n_output: int
) -> TokenSequence:
    """SYSTEM, IMAGE, INPUT, OUTPUT in this order; output tokens bear a log-probability and five alternatives."""
    rng = np.random.default_rng(seed)
    spans = [Span.SYSTEM] * n_system + [Span.IMAGE] * n_image + [Span.INPUT] * n_input + [Span.OUTPUT] * n_output
    tokens = []
    for index, span in enumerate(spans):
        text = "<image>" if span is Span.IMAGE else WORDS[int(rng.integers(len(WORDS)))]
        logprob, alternatives = None, ()
        if span is Span.OUTPUT:
            falling = -np.sort(rng.exponential(2.0, 5)).astype(np.float32)
            logprob = float(-np.float32(rng.exponential(0.5)))
            alternatives = tuple(
                TokenAlternative(int(rng.integers(32000)), WORDS[int(rng.integers(len(WORDS)))], float(value))
                for value in falling
            )
        tokens.append(
            Token(
                index=index,
                token_id=32000 if span is Span.IMAGE else int(rng.integers(32000)),
                text=text,
                span=span,
                template=span is Span.SYSTEM,
                logprob=logprob,
                alternatives=alternatives,
            )
        )
    return TokenSequence(tuple(tokens))


def random_vlm_run(
    seed: int = 0,
    *,
    dictionary: DictionaryInfo | None = None,
    n_latents: int = 64,
    grid: int = 4,
    tile_rows: int = 1,
    tile_columns: int = 2,
    newlines: bool = True,
    padding_rows: int | None = None,
    n_system: int = 3,
    n_input: int = 4,
    n_output: int = 6,
    n_layers: int = 3,
    n_firing: int = 5,
    per_layer: bool = True,
    picture: bool = True,
    picture_side: int = 64,
    ordered: bool = True,
    steering: str | None = None,
    truncated: bool = False,
    run_id: str | None = None,
    created: float | None = None,
) -> VlmRun:
    """A run whose text tokens all have a row, save the last output token, which is never fed back.

    Tokens before the image have rows of zeros: they cannot see it.
    """
    rng = np.random.default_rng(seed)
    dictionary = dictionary or random_dictionary(seed, n_latents=n_latents)
    image_tokens = random_image_tokens(
        seed, grid=grid, tile_rows=tile_rows, tile_columns=tile_columns, newlines=newlines, padding_rows=padding_rows
    )
    n_image = image_tokens.n_tokens
    tokens = random_tokens(seed, n_image=n_image, n_system=n_system, n_input=n_input, n_output=n_output)
    position = tokens.indices(Span.SYSTEM, Span.INPUT, Span.OUTPUT)
    position = position[: position.size - 1] if n_output else position

    # Heavy-tailed columns and rows of different mass, as real attention has.
    raw = rng.gamma(0.3, 1.0, (n_layers, position.size, n_image)) + 1e-6
    raw *= rng.uniform(0.05, 0.9, (n_layers, position.size, 1)) / raw.sum(axis=2, keepdims=True)
    raw[:, position < n_system] = 0.0
    per_layer_LTI = raw.astype(np.float32)
    return VlmRun(
        run_id=run_id or f"run-{seed}",
        name=f"Run {seed}: ‘who’s there?’",
        created=1_700_000_000.0 + seed if created is None else created,
        dictionary=dictionary,
        prompt=f"What is this? שאלה {seed}",
        output_text="".join(token.text for token in tokens if token.span is Span.OUTPUT),
        truncated=truncated,
        tokens=tokens,
        attention=TokenAttention(
            query_position_T=position,
            layers=tuple(range(n_layers)),
            mean_TI=per_layer_LTI.mean(axis=0, dtype=np.float64).astype(np.float32),
            per_layer_LTI=per_layer_LTI if per_layer else None,
        ),
        image_tokens=image_tokens,
        latents=random_latents(seed, n_patches=image_tokens.n_patches, n_latents=dictionary.n_latents, n_firing=n_firing),
        picture=random_picture(seed, width=picture_side, height=max(picture_side * 5 // 8, 1)) if picture else None,
        steering=steering,
        order=_random_order(rng, dictionary.n_latents) if ordered else None,
    )


def _random_order(rng: np.random.Generator, n_latents: int) -> LatentOrder:
    n_columns = min(n_latents, 40)
    columns = rng.choice(n_latents, n_columns, replace=False).astype(np.int32)
    if n_columns < 2:
        return LatentOrder(columns, np.zeros((0, 4)))
    points = rng.random((n_columns, 4))
    linkage = hierarchy.linkage(points, "average", optimal_ordering=True)
    # Leaves are numbered in the order in which they are kept: relabel them to their place.
    leaves = hierarchy.leaves_list(linkage)
    place = np.empty(n_columns)
    place[leaves] = np.arange(n_columns)
    children = linkage[:, :2].astype(int)
    linkage[:, :2] = np.where(children < n_columns, place[np.minimum(children, n_columns - 1)], children)
    return LatentOrder(columns[leaves], linkage)


def random_statistics(
    seed: int = 0,
    *,
    dictionary: DictionaryInfo | None = None,
    n_latents: int = 64,
    n_images: int = 120,
    patches_per_image: int = 50,
    n_labels: int = 5,
    dead_share: float = 0.1,
    broken_images: tuple[str, ...] = (),
    complete: bool = True,
) -> LatentStatistics:
    """Frequencies over several decades, some latents dead, entropy undefined where fewer than ten images fire."""
    rng = np.random.default_rng(seed)
    dictionary = dictionary or random_dictionary(seed, n_latents=n_latents)
    k = dictionary.n_latents
    frequency = 10.0 ** rng.uniform(-4, 0, k)
    n_images_firing = np.minimum(np.ceil(frequency * n_images), n_images).astype(np.int64)
    n_images_firing[rng.random(k) < dead_share] = 0
    per_image = np.ceil(rng.uniform(0, 1, k) ** 2 * patches_per_image).astype(np.int64)
    n_patches_firing = np.maximum(n_images_firing * per_image, n_images_firing)
    n_patches_firing = np.minimum(n_patches_firing, n_images * patches_per_image)
    alive = n_patches_firing > 0
    defined = (n_images_firing >= N_REFERENCES) & (n_labels > 0)
    entropy = np.where(defined, rng.uniform(0, np.log(max(n_labels, 2)), k), 0.0)
    labelled = alive & (n_labels > 0)
    return LatentStatistics(
        dictionary=dictionary,
        image_set_id=hashlib.sha256(f"images {seed}".encode()).hexdigest(),
        n_images=n_images,
        n_patches=n_images * patches_per_image,
        n_images_firing_K=n_images_firing,
        n_patches_firing_K=n_patches_firing,
        activation_sum_K=n_patches_firing * rng.gamma(2.0, 0.5, k),
        label_names=tuple(f"label {i} ä" for i in range(n_labels)),
        label_entropy_K=entropy.astype(np.float32),
        label_entropy_defined_K=defined,
        top_label_K=np.where(labelled, rng.integers(0, max(n_labels, 1), k), -1).astype(np.int32),
        top_label_share_K=np.where(labelled, rng.uniform(0.2, 1.0, k), 0.0).astype(np.float32),
        broken_images=broken_images,
        n_broken=len(broken_images),
        complete=complete,
    )


def random_references(
    seed: int = 0,
    *,
    dictionary: DictionaryInfo | None = None,
    n_latents: int = 64,
    n_images: int = 30,
    n_labels: int = 5,
    n_geometries: int = 2,
    pictures: bool = True,
    picture_side: int = 32,
    max_patches: int = 6,
    dead_share: float = 0.1,
    few_share: float = 0.2,
) -> ReferenceImages:
    """Ten references for most latents, fewer for some, none for the dead."""
    rng = np.random.default_rng(seed)
    dictionary = dictionary or random_dictionary(seed, n_latents=n_latents)
    k = dictionary.n_latents
    geometries = tuple(
        random_image_tokens(seed + i, grid=4, tile_rows=1, tile_columns=1 + i, width=100 + i, height=80)
        for i in range(n_geometries)
    )
    image_geometry = rng.integers(0, n_geometries, n_images).astype(np.int32)
    carried = [np.flatnonzero(geometry.patch_token_P >= 0) for geometry in geometries]

    count = np.full(k, min(N_REFERENCES, n_images))
    few = rng.random(k) < few_share
    count[few] = rng.integers(0, count.max() + 1, int(few.sum()))
    count[rng.random(k) < dead_share] = 0
    image_KR = np.full((k, N_REFERENCES), -1, np.int32)
    plain_KR = np.zeros((k, N_REFERENCES), np.float32)
    lengths = np.zeros(k * N_REFERENCES, np.int64)
    patches, values = [], []
    for latent in range(k):
        image_KR[latent, : count[latent]] = rng.permutation(n_images)[: count[latent]]
        maps = []
        for image in image_KR[latent, : count[latent]]:
            packed = carried[image_geometry[image]]
            n_patches = int(rng.integers(1, max_patches + 1))
            patch = np.sort(rng.permutation(packed)[:n_patches])
            value = rng.gamma(2.0, 1.0, patch.size).astype(np.float32) + np.float32(1e-3)
            maps.append((float(value.sum() / packed.size), int(image), patch, value))
        maps.sort(key=lambda item: (-item[0], item[1]))
        for rank, (plain, image, patch, value) in enumerate(maps):
            image_KR[latent, rank], plain_KR[latent, rank] = image, plain
            lengths[latent * N_REFERENCES + rank] = patch.size
            patches.append(patch)
            values.append(value)
    return ReferenceImages(
        dictionary=dictionary,
        image_set_id=hashlib.sha256(f"images {seed}".encode()).hexdigest(),
        label_names=tuple(f"label {i}" for i in range(n_labels)),
        image_names=tuple(f"folder/{seed}/image {i} é.jpg" for i in range(n_images)),
        image_label_M=(
            rng.integers(0, n_labels, n_images) if n_labels else np.full(n_images, -1)
        ).astype(np.int32),
        geometries=geometries,
        image_geometry_M=image_geometry,
        pictures=tuple(random_picture(seed + i, width=picture_side, height=picture_side) for i in range(n_images))
        if pictures
        else (),
        image_KR=image_KR,
        plain_mean_KR=plain_KR,
        map_indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        map_patch_N=np.concatenate(patches or [np.zeros(0)]).astype(np.int32),
        map_value_N=np.concatenate(values or [np.zeros(0)]).astype(np.float32),
    )


def random_decoder_map(
    seed: int = 0,
    *,
    dictionary: DictionaryInfo | None = None,
    n_latents: int = 64,
    n_neighbours: int = 8,
    n_clusters: int = 5,
    firing: bool = True,
) -> DecoderMap:
    """Points around ``n_clusters`` centres; some latents in no cluster, some with no place on the second map."""
    rng = np.random.default_rng(seed)
    dictionary = dictionary or random_dictionary(seed, n_latents=n_latents)
    k = dictionary.n_latents
    n_neighbours = min(n_neighbours, k - 1)

    def points() -> tuple[np.ndarray, np.ndarray]:
        cluster = rng.integers(-1, n_clusters, k).astype(np.int32)
        centre = rng.normal(0, 5, (n_clusters + 1, 2))
        return (centre[cluster] + rng.normal(0, 0.6, (k, 2))).astype(np.float32), cluster

    xy, cluster = points()
    firing_xy, firing_cluster = points()
    nowhere = rng.random(k) < (0.15 if firing else 2.0)
    firing_xy[nowhere] = np.nan
    firing_cluster[nowhere] = -1
    offset = np.sort(rng.integers(1, max(k, 2), (k, n_neighbours)), axis=1)
    return DecoderMap(
        dictionary=dictionary,
        method="UMAP (n_neighbors 15, cosine), HDBSCAN (min_cluster_size 5)",
        seed=seed,
        xy_K2=xy,
        cluster_K=cluster,
        neighbour_KN=((np.arange(k)[:, None] + offset) % k).astype(np.int32),
        neighbour_cosine_KN=-np.sort(-rng.uniform(-0.2, 1.0, (k, n_neighbours)), axis=1).astype(np.float32),
        firing_method="UMAP of reference overlap" if firing else "",
        firing_xy_K2=firing_xy,
        firing_cluster_K=firing_cluster,
    )


def random_truth_report(seed: int = 0, *, dictionary: DictionaryInfo | None = None, n_latents: int = 64) -> TruthReport:
    """Figures of every group of measures; some that could not be observed, some without an interval."""
    rng = np.random.default_rng(seed)

    def figure(measure: str, setting: str, is_default: bool) -> TruthFigure:
        value, half, apart = (float(number) for number in rng.uniform(0.1, 0.4, 3))
        n = int(rng.integers(1, 200))
        one = TruthFigure(measure, setting, is_default, value, value - half, value + half, n, int(rng.integers(1, n + 1)))
        return one if is_default else replace(one, difference=apart, difference_low=apart - half, difference_high=apart + half)

    figures = [
        *(figure(f"attention.{what}", name, not place) for what in ("lift", "pointing") for place, name in enumerate(("default", "layer 0", "own row"))),
        *(figure(f"ranking.{what}", name, not place) for what in ("hit1", "hit5") for place, name in enumerate(("C", "B", "C, layer 0"))),
        figure("clusters.purity", "cut .30", True),
        figure("ablation.gone", "cut .30", True),
        replace(figure("ablation.kept", "cut .30", True), low=None, high=None),
        TruthFigure("dose.half", "", True, None, None, None, 0, 0),
        figure("quality.fvu", "", True),
    ]
    return TruthReport(
        dictionary=dictionary or random_dictionary(seed, n_latents=n_latents), items=f"pictures {seed} ä", created=1_700_000_000.0 + seed,
        seed=seed, n_pictures=30, n_words=71, n_learned=50, n_labels=9, figures=tuple(figures),
    )


def random_metrics(
    seed: int = 0, *, dictionary: DictionaryInfo | None = None, n_latents: int = 64, fvu: bool = True
) -> SaeMetrics:
    """Metrics of the image set of ``random_statistics`` with the same seed."""
    rng = np.random.default_rng(seed)
    dictionary = dictionary or random_dictionary(seed, n_latents=n_latents)
    return SaeMetrics(
        dictionary=dictionary,
        image_set_id=hashlib.sha256(f"images {seed}".encode()).hexdigest(),
        n_images=120,
        n_patches=6000,
        l0=float(rng.uniform(1, 30)),
        fvu=float(rng.uniform(0.05, 0.6)) if fvu else None,
        n_dead=int(dictionary.n_latents * 0.1),
        n_dense=int(dictionary.n_latents * 0.02),
    )
