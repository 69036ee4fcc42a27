"""Which latents carried a word: one backward pass for all that fire, real ablation for the best.

The estimate of what a word loses without latent k is activation times gradient, the first-order change of its log-probability when
k is scaled to zero: sum_p z[p,k] dlog p(word)/dz[p,k]. As features move by ``decode(z') - decode(z)``, under the per-token scale s
of the tokens that were read, dlog p/dz[p,k] = s[p] W_dec[k] . dlog p/dx[p].

Shape suffixes: ``P`` patches of all views, ``d`` width of the hook, ``N`` activations, later latents that fire.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import nn

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.explain import new_id, require_some_tokens
from tb_visualscratchpad.exporter.hooks import checkpointing
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress
from tb_visualscratchpad.exporter.latent_edits import ReadFeatures
from tb_visualscratchpad.exporter.out_of_memory import memory_in_a_sentence
from tb_visualscratchpad.exporter.steered_answers import difference_from_logged, variant_of
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.variants import BATCH_SIZE, Variant, answer_variants, logprobs_under
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.vlm.hook_points import vision_layers
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.steering_evidence import WordContributions

N_CHECKED = 60

_KEPT_BYTES = 1 << 31
"""What a pass may keep for going back, by estimate, before layers are computed a second time instead."""
_VALUES_PER_TOKEN = 24
"""What a layer keeps of each token, in hidden widths: 15 in float32, more where half precision is widened for norms."""
_HALF_SCALE = 1024.0
"""float16 knows nothing under 6e-8; gradients are carried back this much larger."""
_ACTIVATIONS_AT_ONCE = 1 << 14


def word_contributions(
    asked: AskedPicture,
    word: int,
    n_checked: int = N_CHECKED,
    *,
    max_new_tokens: int = 512,
    name: str | None = None,
    logged: VlmRun | None = None,
    batch_size: int = BATCH_SIZE,
    checkpoint: bool | None = None,
    progress: JobProgress = NoProgress(),
) -> WordContributions:
    """Ranks all latents that fire by what they contributed to a word, and ablates the first of them.

    Args:
        word: number of the token within the answer, from 0.
        n_checked: so many of the first are ablated one by one (fewer where fewer fire).
        name: what the tab calls it; by default the word.
        logged: the run that is asked again.
        batch_size: ablations at once.
        checkpoint: True keeps only each layer's input and computes the layer again on the way back; by default where keeping
            all would take over 2 GiB.

    Raises:
        ScratchpadError: no such word, a hook behind what the projector reads, a gradient that is not finite, too little memory.
        Cancelled: ``progress`` says so.
    """
    require_some_tokens(max_new_tokens)
    if n_checked < 0:
        raise ScratchpadError(f"{n_checked} latents to check were asked for, expected 0 or more.")
    asked.edit(SteeringSpec())  # refuses a hook that cannot change the answer
    original = answer_variants(asked, [Variant("original")], max_new_tokens, progress=progress, what="answer")[0].answer
    if not 0 <= word < len(original.token_ids):
        raise ScratchpadError(
            f"Word {word} was asked about, the answer has {len(original.token_ids)}, numbered from 0: choose one of those."
        )
    said = original.token_ids[: word + 1]
    progress.stage("gradient", 0, 1)
    progress.check()
    gradient_Pd = gradient_at_hook(asked, said, checkpoint=checkpoint)
    progress.stage("gradient", 1, 1)
    latent_N, contribution_N = contributions(asked.read, gradient_Pd)
    checked = latent_N[:n_checked]
    return WordContributions(
        result_id=new_id(),
        name=name or original.answer_tokens[word].text,
        created=time.time(),
        dictionary=asked.dictionary,
        prompt=asked.prompt,
        original_run_id="" if logged is None else logged.run_id,
        differs_from_logged=difference_from_logged(logged, original),
        word=word,
        original_tokens=original.answer_tokens,
        latent_N=latent_N,
        contribution_N=contribution_N,
        n_checked=int(checked.size),
        ablated_N=_ablated(asked, checked, said, batch_size, progress),
    )


def gradient_at_hook(asked: AskedPicture, token_ids: Sequence[int], *, checkpoint: bool | None = None) -> torch.Tensor:
    """float32 [P, d], derivative of the last token's log-probability, given the prompt and the tokens before it, by the features.

    No weight takes part. What lies before the hook is not computed.

    Raises:
        ScratchpadError: too little memory, or a gradient that is not finite.
    """
    vlm = asked.vlm
    if checkpoint is None:
        checkpoint = _kept_bytes(asked, len(token_ids)) > _KEPT_BYTES
    scale = _HALF_SCALE if vlm.dtype == torch.float16 else 1.0
    with ExitStack() as stack:
        stack.enter_context(memory_in_a_sentence(vlm.device, asked.n_prompt))
        stack.enter_context(_frozen(vlm.model))
        if checkpoint:
            stack.enter_context(checkpointing(_layers(vlm)))
        stack.enter_context(torch.enable_grad())
        features = asked.features.detach().float().requires_grad_()
        read = asked.embeddings(features.to(asked.features.dtype))
        if len(token_ids) > 1:
            before = torch.tensor([list(token_ids[:-1])], device=asked.input_ids.device)
            fed = vlm.text_model.get_input_embeddings()(before)
            read = torch.cat([read, fed.to(device=read.device, dtype=read.dtype)], dim=1)
        logits = vlm.model(inputs_embeds=read, use_cache=False, logits_to_keep=1).logits
        # A word that is nearly certain has a log-probability of 1e-5 and less: single precision would blur its gradient.
        logprob = torch.log_softmax(logits[0, -1].cpu().double(), dim=-1)[token_ids[-1]]
        (gradient,) = torch.autograd.grad(logprob * scale, features)
    gradient_Pd = gradient.reshape(-1, gradient.shape[-1]) / scale
    if not bool(torch.isfinite(gradient_Pd).all()):
        raise ScratchpadError(f"The gradient of the word is not finite in {vlm.dtype}: load the model with --dtype bfloat16 or float32.")
    return gradient_Pd


def contributions(read: ReadFeatures, gradient_Pd: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """All latents that fire, int32 [N], and their contributions, float64 [N] in nats, by falling size; ties by number."""
    z_PK = read.latents.csr_PK
    decoder_Kd = read.sae.W_dec
    gradient_Pd = gradient_Pd.to(decoder_Kd.device)
    if read.token_scale_P1 is not None:
        gradient_Pd = gradient_Pd * read.token_scale_P1.to(gradient_Pd.device).float()
    patch_N = np.repeat(np.arange(z_PK.shape[0]), np.diff(z_PK.indptr))
    slope_N = np.empty(z_PK.nnz, dtype=np.float64)
    for start in range(0, z_PK.nnz, _ACTIVATIONS_AT_ONCE):
        part = slice(start, start + _ACTIVATIONS_AT_ONCE)
        rows = decoder_Kd[torch.as_tensor(z_PK.indices[part], dtype=torch.long, device=decoder_Kd.device)].float()
        at = gradient_Pd[torch.as_tensor(patch_N[part], device=gradient_Pd.device)]
        slope_N[part] = torch.einsum("nd,nd->n", rows, at).double().cpu().numpy()
    total_K = np.bincount(z_PK.indices, weights=z_PK.data * slope_N, minlength=z_PK.shape[1])
    firing = np.unique(z_PK.indices)
    order = firing[np.argsort(-np.abs(total_K[firing]), kind="stable")]
    return order.astype(np.int32), total_K[order]


def _ablated(
    asked: AskedPicture, latent_N: np.ndarray, token_ids: Sequence[int], batch_size: int, progress: JobProgress
) -> np.ndarray:
    """float64, what the last token's log-probability really loses when each latent alone is scaled to zero."""
    if not latent_N.size:
        return np.zeros(0)
    variants = [Variant("original")]
    for latent in latent_N.tolist():
        edit = asked.edit(SteeringSpec((LatentIntervention(latent, "SCALE", 0.0),)))
        variants.append(variant_of(f"without {latent}", edit))
    found = logprobs_under(asked, variants, [token_ids], batch_size=batch_size, progress=progress, what="ablations")
    logprob = np.array([along[0][-1] for along in found], dtype=np.float64)
    return logprob[0] - logprob[1:]


def _kept_bytes(asked: AskedPicture, n_answer: int) -> int:
    """An estimate of what the pass through the text model keeps for going back."""
    config = asked.vlm.text_model.config
    per_token = config.num_hidden_layers * config.hidden_size * _VALUES_PER_TOKEN
    return (asked.n_prompt + n_answer) * per_token * asked.vlm.dtype.itemsize


def _layers(vlm: Vlm) -> list[nn.Module]:
    return [*vision_layers(vlm.family, vlm.model), *vlm.text_model.layers]


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """Inside the ``with`` no weight wants a gradient, so that nothing is kept for one."""
    wanting = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in wanting:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in wanting:
            weight.requires_grad_(True)
