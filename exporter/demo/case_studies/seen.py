"""Was it seen? Where an object's own latents stand, and where the model looked, while it said the wrong thing."""

from __future__ import annotations

from dataclasses import dataclass

from tb_visualscratchpad.exporter.demo.case_studies.failures import Failure
from tb_visualscratchpad.exporter.demo.truth import labelled
from tb_visualscratchpad.exporter.truth.latent_owners import LatentOwners
from tb_visualscratchpad.exporter.truth.patch_labels import patches_of_label
from tb_visualscratchpad.views import RankBy, attention_map, rank_latents
from tb_visualscratchpad.wire.evidence import Span, VlmRun


@dataclass(frozen=True)
class Seen:
    """How present the subject of a failure is.

    Attributes:
        rank_at_name: best rank, by C, of a latent that belongs to the subject, where the question names it.
        rank_at_wrong_word: the same for the wrong word of the answer.
        rank_in_picture: the same by B, which no word decides.
        n_firing: latents that fire on the picture, among which these are ranks.
        attention_at_wrong_word: share of the attention on tiles that lies on the subject, over the share of tile patches that do.
    """

    rank_at_name: int
    rank_at_wrong_word: int
    rank_in_picture: int
    n_firing: int
    attention_at_wrong_word: float


def seen(run: VlmRun, failure: Failure, owners: LatentOwners) -> Seen | None:
    """What a run of a failure shows of its subject; None where the subject covers no patch, or none of its latents fires.

    Args:
        run: of ``failure.question``.
        owners: which latents belong to which object, learnt from other pictures.
    """
    wrong = int(run.tokens.indices(Span.OUTPUT)[failure.word])
    name = next((token.index for token in run.tokens if token.span is Span.INPUT and token.text.strip() == failure.subject), None)
    own = owners.latents_of(failure.subject)
    tiles = (run.image_tokens.patch_view_P > 0) & (run.image_tokens.patch_token_P >= 0)
    on = patches_of_label(labelled(failure.composition(), failure.subject), failure.subject, run.image_tokens) & tiles
    at_name = best_rank(run, wrong if name is None else name, RankBy.WEIGHTED, own)
    at_wrong, in_picture = (best_rank(run, wrong, by, own) for by in (RankBy.WEIGHTED, RankBy.PLAIN))
    if not on.any() or at_name is None or at_wrong is None or in_picture is None:
        return None
    attention_P = attention_map(run, wrong).attention_P
    return Seen(
        rank_at_name=at_name,
        rank_at_wrong_word=at_wrong,
        rank_in_picture=in_picture,
        n_firing=rank_latents(run, wrong, limit=1).n_firing,
        attention_at_wrong_word=float((attention_P[on].sum() / attention_P[tiles].sum()) / (on.sum() / tiles.sum())),
    )


def best_rank(run: VlmRun, token: int, by: RankBy, latents: frozenset[int]) -> int | None:
    """The best rank among some latents, from 1; None where none of them fires."""
    return next((row.rank for row in rank_latents(run, token, by=by).rows if row.latent in latents), None)
