"""What a model alone can tell about one run: tokens, attention, image tokens, latents.

Shape suffixes: ``T`` rows of attention, ``P`` patches, ``I`` image tokens, ``K`` latents, ``L`` layers, ``N`` non-zeros.
All arrays are numpy, C-ordered, and treated as read-only.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from tb_visualscratchpad.wire.errors import ScratchpadError


class Span(str, enum.Enum):
    """The part of the sequence that a token belongs to."""

    SYSTEM = "SYSTEM"
    IMAGE = "IMAGE"
    INPUT = "INPUT"
    OUTPUT = "OUTPUT"


class RowChoice(str, enum.Enum):
    """Whose attention stands for an output token: the position that produced it (t-1), or its own position (t)."""

    PRODUCING = "producing"
    OWN = "own"


class View(enum.IntEnum):
    """What an image token stands for. Base and tiles see the same pixels through different transforms."""

    BASE = 0
    TILE = 1
    NEWLINE = 2


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class TokenAlternative:
    """A token the model might have said instead. ``logprob`` in nats, <= 0."""

    token_id: int
    text: str
    logprob: float


@dataclass(frozen=True)
class Token:
    """One position of the sequence.

    ``index`` counts from 0 over the whole sequence, image tokens included. ``template`` marks what the chat template put
    there rather than the user. ``logprob`` (nats, raw logits, no temperature) and ``alternatives`` (the five most likely
    other tokens, descending) exist for OUTPUT tokens only.
    """

    index: int
    token_id: int
    text: str
    span: Span
    template: bool = False
    logprob: float | None = None
    alternatives: tuple[TokenAlternative, ...] = ()


@dataclass(frozen=True)
class TokenSequence:
    """The tokens of a run in order: prompt (SYSTEM, IMAGE, INPUT) and then OUTPUT."""

    tokens: tuple[Token, ...]

    def __post_init__(self) -> None:
        _require(
            all(token.index == i for i, token in enumerate(self.tokens)),
            "token indices must count 0, 1, 2, ... over the sequence",
        )
        output = [token.span is Span.OUTPUT for token in self.tokens]
        _require(output == sorted(output), "OUTPUT tokens must follow all others")

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> Token:
        return self.tokens[index]

    def __iter__(self):
        return iter(self.tokens)

    def indices(self, *spans: Span) -> np.ndarray:
        """int64 indices of the tokens of the given spans, ascending; may be empty."""
        return np.sort(np.concatenate([self._indices_of_span[span] for span in set(spans)]))

    @cached_property
    def _indices_of_span(self) -> dict[Span, np.ndarray]:
        return {
            span: np.array([token.index for token in self.tokens if token.span is span], dtype=np.int64) for span in Span
        }

    @cached_property
    def n_prompt(self) -> int:
        """Number of tokens before the first OUTPUT token."""
        return sum(token.span is not Span.OUTPUT for token in self.tokens)


@dataclass(frozen=True)
class ImageTokenMap:
    """Where each patch and each image token lies on the original picture.

    A *view* is one square the vision tower sees: number 0 is the base view, 1... are tiles, row by row. Every view has
    ``grid x grid`` patches, listed view by view, row by row: P = n_views * grid^2. Patches that lie in the padding are
    computed by the vision tower but packed away before the language model; they have no image token.

    Attributes:
        width, height: the original picture, in pixels (after EXIF orientation).
        grid: patches per side of a view.
        tile_rows, tile_columns: tiles; both 0 where there is a base view only.
        patch_box_P4: float32, x0, y0, x1, y1 in pixels of the picture, clipped to it; all zero in the padding.
        patch_token_P: int32, the image token (0... I-1) that carries the patch, -1 for none.
        token_patch_I: int32, the patch an image token stands for, -1 for a newline token.
        token_image_I: int32, which picture of the prompt an image token belongs to (always 0 today).
    """

    width: int
    height: int
    grid: int
    tile_rows: int
    tile_columns: int
    patch_box_P4: np.ndarray
    patch_token_P: np.ndarray
    token_patch_I: np.ndarray
    token_image_I: np.ndarray

    def __post_init__(self) -> None:
        n_patches = (1 + self.tile_rows * self.tile_columns) * self.grid**2
        _require(self.width > 0 and self.height > 0, "a picture has at least one pixel")
        _require(self.patch_box_P4.shape == (n_patches, 4), f"patch_box_P4 must be [{n_patches}, 4], got {self.patch_box_P4.shape}")
        _require(self.patch_token_P.shape == (n_patches,), f"patch_token_P must be [{n_patches}]")
        _require(self.token_patch_I.shape == self.token_image_I.shape, "one image index per image token")
        carried = np.flatnonzero(self.patch_token_P >= 0)
        _require(
            np.array_equal(self.token_patch_I[self.patch_token_P[carried]], carried),
            "patch_token_P and token_patch_I must be inverse to each other",
        )
        _require(int((self.token_patch_I >= 0).sum()) == carried.size, "two image tokens stand for one patch")

    @property
    def n_patches(self) -> int:
        return int(self.patch_token_P.size)

    @property
    def n_tokens(self) -> int:
        return int(self.token_patch_I.size)

    @property
    def n_views(self) -> int:
        return 1 + self.tile_rows * self.tile_columns

    @cached_property
    def patch_view_P(self) -> np.ndarray:
        """int32 number of the view of each patch: 0 base, 1... tiles."""
        return np.repeat(np.arange(self.n_views, dtype=np.int32), self.grid**2)

    @cached_property
    def token_view_I(self) -> np.ndarray:
        """int8 ``View`` of each image token."""
        view = np.full(self.n_tokens, View.NEWLINE, dtype=np.int8)
        patch = self.token_patch_I
        view[patch >= 0] = np.where(self.patch_view_P[patch[patch >= 0]] == 0, View.BASE, View.TILE)
        return view


@dataclass(frozen=True)
class TokenAttention:
    """Attention of text positions to image tokens: softmax over all keys, mean over heads, image columns kept.

    A row need not sum to one: the rest went to text. Newline columns are included here; views leave them out.

    Attributes:
        query_position_T: int32, the sequence positions whose rows are recorded, ascending.
        layers: numbers of the text model's layers, ascending.
        mean_TI: float32 [T, I] mean over ``layers``.
        per_layer_LTI: float32 [L, T, I], or None where only the mean is at hand (its sidecar is missing).
    """

    query_position_T: np.ndarray
    layers: tuple[int, ...]
    mean_TI: np.ndarray
    per_layer_LTI: np.ndarray | None = None

    def __post_init__(self) -> None:
        n_rows = self.query_position_T.size
        _require(self.mean_TI.ndim == 2 and self.mean_TI.shape[0] == n_rows, f"mean_TI must have {n_rows} rows")
        _require(bool(np.all(np.diff(self.query_position_T) > 0)), "query positions must ascend")
        if self.per_layer_LTI is not None:
            expected = (len(self.layers), *self.mean_TI.shape)
            _require(self.per_layer_LTI.shape == expected, f"per_layer_LTI must be {expected}, got {self.per_layer_LTI.shape}")

    @cached_property
    def _row_of_position(self) -> dict[int, int]:
        return {int(position): row for row, position in enumerate(self.query_position_T)}

    def row_of(self, token: Token, choice: RowChoice = RowChoice.PRODUCING) -> int | None:
        """The row that stands for ``token``; None where it is undefined or was not recorded.

        A prompt token has its own row only. The last output token of a truncated answer was never fed back, so its own
        row is undefined.
        """
        produced = token.span is Span.OUTPUT and choice is RowChoice.PRODUCING
        return self._row_of_position.get(token.index - 1 if produced else token.index)

    def over_layers(self, layers: Sequence[int] | None = None) -> np.ndarray:
        """float32 [T, I], the mean over some layers (all by default).

        Raises:
            ScratchpadError: a layer is not recorded, or single layers are asked for without the sidecar.
        """
        if layers is None or tuple(sorted(set(layers))) == self.layers:
            return self.mean_TI
        unknown = sorted(set(layers) - set(self.layers))
        if unknown or not layers:
            raise ScratchpadError(f"layers {unknown or list(layers)} were asked for, recorded are {self.layers[0]} to {self.layers[-1]}: choose among those.")
        if self.per_layer_LTI is None:
            raise ScratchpadError("Attention by layer is in a sidecar that is missing here: choose all layers, or copy the run's plugins/visualscratchpad folder beside its event file.")
        chosen = [self.layers.index(layer) for layer in sorted(set(layers))]
        return np.asarray(self.per_layer_LTI[chosen], dtype=np.float32).mean(axis=0)


@dataclass(frozen=True)
class LatentActivations:
    """Sparse latents of every patch, rows compressed: patch p fires ``latent_N[indptr_P[p]:indptr_P[p+1]]``.

    Attributes:
        n_latents: K.
        indptr_P: int64 [P + 1].
        latent_N: int32 [N], ascending within a patch.
        value_N: float32 [N], z > 0.
    """

    n_latents: int
    indptr_P: np.ndarray
    latent_N: np.ndarray
    value_N: np.ndarray

    def __post_init__(self) -> None:
        n = self.latent_N.size
        _require(self.indptr_P.ndim == 1 and int(self.indptr_P[0]) == 0 and int(self.indptr_P[-1]) == n, "indptr_P must run from 0 to N")
        _require(bool(np.all(np.diff(self.indptr_P) >= 0)), "indptr_P must not descend")
        _require(self.value_N.shape == (n,), "one value per latent index")
        _require(n == 0 or (int(self.latent_N.min()) >= 0 and int(self.latent_N.max()) < self.n_latents), "latent index out of range")
        _require(n == 0 or bool(np.all(self.value_N > 0)), "only z > 0 is kept")

    @property
    def n_patches(self) -> int:
        return int(self.indptr_P.size - 1)

    @cached_property
    def csr_PK(self) -> sparse.csr_matrix:
        """The same as a scipy matrix [P, K]."""
        return sparse.csr_matrix((self.value_N, self.latent_N, self.indptr_P), shape=(self.n_patches, self.n_latents))

    @cached_property
    def csc_PK(self) -> sparse.csc_matrix:
        """The same by columns, for one latent on all patches."""
        return self.csr_PK.tocsc()

    @staticmethod
    def from_csr(matrix: sparse.csr_matrix) -> LatentActivations:
        """From a scipy matrix [P, K] of non-negative values; stored zeros are dropped."""
        matrix = matrix.copy()
        matrix.eliminate_zeros()
        matrix.sort_indices()
        return LatentActivations(
            n_latents=int(matrix.shape[1]),
            indptr_P=matrix.indptr.astype(np.int64),
            latent_N=matrix.indices.astype(np.int32),
            value_N=matrix.data.astype(np.float32),
        )


@dataclass(frozen=True)
class EncodedPicture:
    """A picture as logged: compressed bytes, perhaps smaller than the original. ``mime`` is image/jpeg or image/png."""

    data: bytes = field(repr=False)
    mime: str
    width: int
    height: int

    def __post_init__(self) -> None:
        _require(self.mime in ("image/jpeg", "image/png"), f"unknown picture type {self.mime}")


@dataclass(frozen=True)
class DictionaryInfo:
    """An SAE at one hook of one VLM. Evidence joins on ``dictionary_id``, never on names.

    ``dictionary_id`` hashes SAE weights, VLM, processor and hook. ``activation`` names the SAE's activation function, and
    of TopK how many may fire on a patch: ``topk 16``; logs of earlier versions leave that out.
    """

    dictionary_id: str
    name: str
    vlm_name: str
    sae_name: str
    hook: str
    d_in: int
    n_latents: int
    activation: str


@dataclass(frozen=True)
class LatentOrder:
    """Average-linkage clustering of the strongest latents of a run, computed at export since leaf ordering is slow.

    For all layers, the producing rows, output tokens and both views; at most 800 columns; no thresholds.

    Attributes:
        latent_C: int32 [C], the columns in optimal leaf order.
        linkage: float64 [C - 1, 4] as scipy lays it out, its leaves numbered as in ``latent_C``; empty when not clustered
            (under three rows or under two columns that vary).
    """

    latent_C: np.ndarray
    linkage: np.ndarray


@dataclass(frozen=True)
class VlmRun:
    """One picture and prompt, the answer, and how it came about.

    Attributes:
        run_id: unique name of this run in all logs (letters, digits, '-', '_').
        name: what the tab calls it.
        created: seconds since the epoch.
        prompt: what the user asked; the template's words are in ``tokens``.
        output_text: the answer as one string.
        truncated: the answer stopped at ``max_new_tokens``, not by itself.
        picture: None when pictures are not logged.
        steering: the ``SteeringSpec`` as JSON, None for an unsteered run.
        order: None until the exporter has computed it.
        reductions: sentences on what is rounded or left out where only the event was at hand, without its sidecar; empty
            for exact evidence.
        system: the system text that was given, None for none.
        max_new_tokens: how many were allowed; None where it was not recorded.
        original_run_id: of a steered run, the logged run that was asked again; empty when there is none.
        series_id: shared by the runs of one picture and prompt at the steps of one training; empty for a run that stands alone.
        exact_picture: the picture as it was asked about, a PNG without loss, in the sidecar only; None when pictures are
            not logged, when it is large, and where the sidecar is missing. A model is asked again about this one.
    """

    run_id: str
    name: str
    created: float
    dictionary: DictionaryInfo
    prompt: str
    output_text: str
    truncated: bool
    tokens: TokenSequence
    attention: TokenAttention
    image_tokens: ImageTokenMap
    latents: LatentActivations
    picture: EncodedPicture | None = None
    steering: str | None = None
    order: LatentOrder | None = None
    reductions: tuple[str, ...] = ()
    system: str | None = None
    max_new_tokens: int | None = None
    original_run_id: str = ""
    exact_picture: EncodedPicture | None = None
    series_id: str = ""

    def __post_init__(self) -> None:
        n_image = self.image_tokens.n_tokens
        _require(self.attention.mean_TI.shape[1] == n_image, f"attention has {self.attention.mean_TI.shape[1]} image columns, the map {n_image} image tokens")
        _require(self.tokens.indices(Span.IMAGE).size == n_image, "one IMAGE token per entry of the image token map")
        _require(self.latents.n_patches == self.image_tokens.n_patches, f"latents of {self.latents.n_patches} patches, the map has {self.image_tokens.n_patches}")
        _require(self.latents.n_latents == self.dictionary.n_latents, "latents and dictionary differ in width")
        _require(self.max_new_tokens is None or self.max_new_tokens > 0, "a limit of new tokens is positive")
        exact = self.exact_picture
        if exact is not None:
            size = (self.image_tokens.width, self.image_tokens.height)
            _require(self.picture is not None, "a run without its picture has no exact one either")
            _require(exact.mime == "image/png" and (exact.width, exact.height) == size, f"the exact picture must be a PNG of {size}")

    def without_picture(self) -> VlmRun:
        """The same run with nothing of the picture's pixels."""
        return replace(self, picture=None, exact_picture=None)
