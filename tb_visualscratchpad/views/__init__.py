"""Views: pure functions of evidence, in numpy and scipy. They answer in milliseconds and need no model."""

from tb_visualscratchpad.views.ablation_counts import AblationCounts, count_fates
from tb_visualscratchpad.views.attention_maps import (
    AttentionMap,
    AttentionMasses,
    JointAttention,
    attention_map,
    attention_masses,
    joint_attention,
)
from tb_visualscratchpad.views.attribution import LatentAttribution, latent_attribution
from tb_visualscratchpad.views.cluster_names import cluster_name
from tb_visualscratchpad.views.clusters import (
    ClusteredMatrix,
    GroupKind,
    TokenCluster,
    cluster_columns,
    compute_latent_order,
    order_columns,
)
from tb_visualscratchpad.views.matrix import TokenLatentMatrix, token_latent_matrix
from tb_visualscratchpad.views.means import LatentMeans, latent_means, means_of_several, plain_mean, weighted_mean
from tb_visualscratchpad.views.patches import ViewChoice, packed_patches
from tb_visualscratchpad.views.pixels import activation_on_pixels, attention_on_pixels
from tb_visualscratchpad.views.ranking import LatentRanking, RankBy, RankedLatent, rank_latents
from tb_visualscratchpad.views.sinks import SinkPatches, find_sinks
from tb_visualscratchpad.views.telling_latents import TellingLatents, latents_that_tell_apart
from tb_visualscratchpad.views.thresholds import Thresholds

__all__ = [
    "AblationCounts",
    "AttentionMap",
    "AttentionMasses",
    "ClusteredMatrix",
    "GroupKind",
    "JointAttention",
    "LatentAttribution",
    "LatentMeans",
    "LatentRanking",
    "RankBy",
    "RankedLatent",
    "SinkPatches",
    "TellingLatents",
    "Thresholds",
    "TokenCluster",
    "TokenLatentMatrix",
    "ViewChoice",
    "activation_on_pixels",
    "attention_map",
    "attention_masses",
    "attention_on_pixels",
    "cluster_columns",
    "cluster_name",
    "compute_latent_order",
    "count_fates",
    "find_sinks",
    "joint_attention",
    "latent_attribution",
    "latent_means",
    "means_of_several",
    "latents_that_tell_apart",
    "order_columns",
    "packed_patches",
    "plain_mean",
    "rank_latents",
    "token_latent_matrix",
    "weighted_mean",
]
