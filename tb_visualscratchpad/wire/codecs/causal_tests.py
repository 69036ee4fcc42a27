"""``ClusterSweep``, ``DoseResponse`` and ``WordContributions``: exact in the sidecar, rounded in the event where they must be."""

from __future__ import annotations

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.outcome import (
    decode_answer_tokens,
    decode_figures,
    decode_numbers,
    decode_outcome,
    encode_answer_tokens,
    encode_figures,
    encode_numbers,
    encode_outcome,
)
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.steering_evidence import AblatedCluster, ClusterSweep, DoseResponse, WordContributions


def encode_cluster_sweep(sweep: ClusterSweep, *, rounded: bool = False) -> pb.ClusterSweep:
    return pb.ClusterSweep(
        outcome=encode_outcome(sweep, rounded=rounded),
        original_tokens=encode_answer_tokens(sweep.original_tokens, rounded=rounded),
        clusters=[
            pb.AblatedCluster(
                name=storable(cluster.name),
                latents=encode_numbers(cluster.latents),
                change_norm=cluster.change_norm,
                tokens=encode_answer_tokens(cluster.tokens, rounded=rounded),
                output_text=storable(cluster.output_text),
                truncated=cluster.truncated,
                along_original=encode_figures(cluster.along_original_O, rounded=rounded),
                control_along_original=encode_figures(cluster.control_along_original_RO, rounded=rounded),
            )
            for cluster in sweep.clusters
        ],
    )


def decode_cluster_sweep(message: pb.ClusterSweep) -> ClusterSweep:
    return ClusterSweep(
        **decode_outcome(message.outcome),
        original_tokens=decode_answer_tokens(message.original_tokens),
        clusters=tuple(
            AblatedCluster(
                name=cluster.name,
                latents=decode_numbers(cluster.latents),
                change_norm=cluster.change_norm,
                tokens=decode_answer_tokens(cluster.tokens),
                output_text=cluster.output_text,
                truncated=cluster.truncated,
                along_original_O=decode_figures(cluster.along_original),
                control_along_original_RO=decode_figures(cluster.control_along_original),
            )
            for cluster in message.clusters
        ),
    )


def encode_dose_response(response: DoseResponse, *, rounded: bool = False) -> pb.DoseResponse:
    return pb.DoseResponse(
        outcome=encode_outcome(response, rounded=rounded),
        latents=encode_numbers(response.latents),
        op=response.op,
        value=encode_figures(response.value_D, rounded=False),
        original_tokens=encode_answer_tokens(response.original_tokens, rounded=rounded),
        word=encode_numbers(response.word_V),
        logprob=encode_figures(response.logprob_DV, rounded=rounded),
        control_logprob=encode_figures(response.control_logprob_RDV, rounded=rounded),
        output_text=[storable(text) for text in response.output_text_D],
    )


def decode_dose_response(message: pb.DoseResponse) -> DoseResponse:
    return DoseResponse(
        **decode_outcome(message.outcome),
        latents=decode_numbers(message.latents),
        op=message.op,
        value_D=decode_figures(message.value),
        original_tokens=decode_answer_tokens(message.original_tokens),
        word_V=decode_numbers(message.word),
        logprob_DV=decode_figures(message.logprob),
        control_logprob_RDV=decode_figures(message.control_logprob),
        output_text_D=tuple(message.output_text),
    )


def encode_word_contributions(found: WordContributions, *, rounded: bool = False) -> pb.WordContributions:
    return pb.WordContributions(
        outcome=encode_outcome(found, rounded=rounded),
        word=found.word,
        original_tokens=encode_answer_tokens(found.original_tokens, rounded=rounded),
        latent=encode_numbers(found.latent_N),
        contribution=encode_figures(found.contribution_N, rounded=rounded),
        ablated=encode_figures(found.ablated_N, rounded=rounded),
    )


def decode_word_contributions(message: pb.WordContributions) -> WordContributions:
    ablated = decode_figures(message.ablated)
    return WordContributions(
        **decode_outcome(message.outcome),
        word=message.word,
        original_tokens=decode_answer_tokens(message.original_tokens),
        latent_N=decode_numbers(message.latent),
        contribution_N=decode_figures(message.contribution),
        n_checked=int(ablated.size),
        ablated_N=ablated,
    )
