"""Random valid outcomes of the worker, of any size: the same seed and sizes give the same evidence.

Answers share words as a steered answer does with its original: the steered one leaves words out, replaces others and adds some;
reconstruction and controls say nearly the same. Log-probabilities along an answer are those of a model that mostly agrees.
"""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.wire.evidence import DictionaryInfo
from tb_visualscratchpad.wire.steering_evidence import (
    AblatedCluster,
    AnswerToken,
    ClusterSweep,
    Condition,
    ConditionAnswer,
    DoseResponse,
    EditedLatents,
    PixelErasure,
    SteeringResult,
    WordContributions,
)
from tests.random_evidence import WORDS, random_dictionary

SPEC = '{"version": 1, "error": "kept", "interventions": [{"latent": 3, "op": "SCALE", "value": 0.0, "where": "all"}]}'


def random_answer_tokens(seed: int, n_tokens: int) -> tuple[AnswerToken, ...]:
    """Words out of a small vocabulary, so that answers of different seeds share some."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, len(WORDS), n_tokens)
    return tuple(
        AnswerToken(int(100 + word), WORDS[int(word)], float(-rng.exponential(0.3))) for word in words
    )


def random_steering_result(
    seed: int = 0,
    *,
    dictionary: DictionaryInfo | None = None,
    n_latents: int = 64,
    n_original: int = 8,
    n_steered: int = 7,
    n_controls: int = 5,
    n_steered_latents: int = 4,
    n_patches: int = 48,
    erased: bool = False,
    result_id: str | None = None,
    original_run_id: str = "",
    steered_run_id: str = "",
    differs_from_logged: str = "",
    created: float | None = None,
) -> SteeringResult:
    """Original, reconstruction, controls and the steered answer; or, ``erased``, original, controls and the erased one."""
    rng = np.random.default_rng(seed)
    dictionary = dictionary or random_dictionary(seed, n_latents=n_latents)
    original = random_answer_tokens(seed, n_original)
    steered = _rewritten(rng, original, n_steered)
    answers = [_answer(rng, Condition.ORIGINAL, original, original, steered)]
    if not erased:
        answers.append(_answer(rng, Condition.RECONSTRUCTION, original, original, steered, norm=5.0))
    for control in range(n_controls):
        chosen = np.zeros(0, np.int32) if erased else _latents(rng, dictionary.n_latents, n_steered_latents)
        said = original if control % 3 else _rewritten(rng, original, n_original)
        answers.append(_answer(rng, Condition.CONTROL, said, original, steered, seed=control, latents=chosen, norm=3.0))
    last = Condition.ERASED if erased else Condition.STEERED
    chosen = np.zeros(0, np.int32) if erased else _latents(rng, dictionary.n_latents, n_steered_latents)
    answers.append(_answer(rng, last, steered, original, steered, latents=chosen, norm=3.1, fall=4.0))
    return SteeringResult(
        result_id=result_id or f"steering-{seed}",
        name=f"cat × 0 — {seed}",
        created=1_700_000_500.0 + seed if created is None else created,
        dictionary=dictionary,
        prompt=f"What is this? שאלה {seed}",
        original_run_id=original_run_id,
        differs_from_logged=differs_from_logged,
        steered_run_id=steered_run_id,
        steering=None if erased else SPEC,
        erasure=PixelErasure((3.5, 4.0, 60.0, 44.25), "blur" if seed % 2 else "mean") if erased else None,
        answers=tuple(answers),
        edited=None if erased else random_edited_latents(seed, chosen, n_patches),
    )


def random_edited_latents(seed: int, latents: np.ndarray, n_patches: int) -> EditedLatents:
    """About half of the patches fire each latent; all are scaled to zero, and a tenth come back a little."""
    rng = np.random.default_rng(seed)
    patch_N, place_N = np.nonzero(rng.random((n_patches, latents.size)) < 0.5)
    before_N = rng.gamma(2.0, 1.0, patch_N.size).astype(np.float32) + np.float32(1e-3)
    after_N = np.where(rng.random(patch_N.size) < 0.1, before_N / 10, 0).astype(np.float32)
    return EditedLatents(
        patch_N=patch_N.astype(np.int32),
        latent_N=latents[place_N],
        before_N=before_N,
        edited_N=np.zeros(patch_N.size, np.float32),
        after_N=after_N,
    )


def random_cluster_sweep(
    seed: int = 0,
    *,
    dictionary: DictionaryInfo | None = None,
    n_latents: int = 64,
    n_original: int = 8,
    n_clusters: int = 5,
    n_controls: int = 5,
    result_id: str | None = None,
    original_run_id: str = "",
    created: float | None = None,
) -> ClusterSweep:
    """Every second cluster takes a word away, the others do next to nothing."""
    rng = np.random.default_rng(seed)
    dictionary = dictionary or random_dictionary(seed, n_latents=n_latents)
    original = random_answer_tokens(seed, n_original)
    logprob_O = np.array([token.logprob for token in original], np.float64)
    clusters = []
    for number in range(n_clusters):
        telling = number % 2 == 0 and n_original > 0
        fall_O = rng.exponential(0.02, n_original)
        if telling:
            fall_O[number % n_original] += 8.0
        clusters.append(
            AblatedCluster(
                name=f"“word {number}”",
                latents=_latents(rng, dictionary.n_latents, 1 + number % 4),
                change_norm=float(rng.gamma(2.0)),
                tokens=_rewritten(rng, original, n_original) if telling else original,
                output_text="".join(token.text for token in original),
                truncated=number == 1,
                along_original_O=logprob_O - fall_O,
                control_along_original_RO=np.minimum(logprob_O + rng.normal(0, 0.05, (n_controls, n_original)), 0.0),
            )
        )
    return ClusterSweep(
        result_id=result_id or f"sweep-{seed}",
        name=f"{n_clusters} clusters",
        created=1_700_001_000.0 + seed if created is None else created,
        dictionary=dictionary,
        prompt=f"What is this? שאלה {seed}",
        original_run_id=original_run_id,
        differs_from_logged="",
        original_tokens=original,
        clusters=tuple(clusters),
    )


def random_dose_response(
    seed: int = 0,
    *,
    dictionary: DictionaryInfo | None = None,
    n_latents: int = 64,
    n_original: int = 8,
    n_words: int = 3,
    n_doses: int = 7,
    n_controls: int = 5,
    op: str = "SCALE",
    result_id: str | None = None,
    original_run_id: str = "",
    created: float | None = None,
) -> DoseResponse:
    """Doses from 0 to 1.5; the first word falls as the dose does, the others and the controls stay."""
    rng = np.random.default_rng(seed)
    dictionary = dictionary or random_dictionary(seed, n_latents=n_latents)
    original = random_answer_tokens(seed, n_original)
    word_V = np.sort(rng.choice(n_original, n_words, replace=False)).astype(np.int32)
    value_D = np.linspace(0.0, 1.5, n_doses)
    at_rest_V = np.array([original[word].logprob for word in word_V], np.float64)
    logprob_DV = np.minimum(at_rest_V - rng.exponential(0.02, (n_doses, n_words)), 0.0)
    logprob_DV[:, 0] -= 12.0 * np.clip(0.6 - value_D, 0.0, None)
    return DoseResponse(
        result_id=result_id or f"dose-{seed}",
        name="cat",
        created=1_700_002_000.0 + seed if created is None else created,
        dictionary=dictionary,
        prompt=f"What is this? שאלה {seed}",
        original_run_id=original_run_id,
        differs_from_logged="",
        latents=_latents(rng, dictionary.n_latents, 4),
        op=op,
        value_D=value_D,
        original_tokens=original,
        word_V=word_V,
        logprob_DV=logprob_DV,
        control_logprob_RDV=np.minimum(at_rest_V + rng.normal(0, 0.05, (n_controls, n_doses, n_words)), 0.0),
        output_text_D=tuple(f"answer at {value:g} 桜" for value in value_D),
    )


def random_word_contributions(
    seed: int = 0,
    *,
    dictionary: DictionaryInfo | None = None,
    n_latents: int = 64,
    n_original: int = 8,
    n_firing: int = 40,
    n_checked: int = 10,
    word: int = 1,
    result_id: str | None = None,
    original_run_id: str = "",
    created: float | None = None,
) -> WordContributions:
    """Contributions of both signs over several decades; real ablations that mostly agree with them."""
    rng = np.random.default_rng(seed)
    dictionary = dictionary or random_dictionary(seed, n_latents=n_latents)
    n_firing = min(n_firing, dictionary.n_latents)
    n_checked = min(n_checked, n_firing)
    size = 10.0 ** -np.sort(rng.uniform(0, 5, n_firing))
    contribution_N = size * rng.choice([1.0, 1.0, -1.0], n_firing)
    return WordContributions(
        result_id=result_id or f"contributions-{seed}",
        name=f"word {word}",
        created=1_700_003_000.0 + seed if created is None else created,
        dictionary=dictionary,
        prompt=f"What is this? שאלה {seed}",
        original_run_id=original_run_id,
        differs_from_logged="",
        word=word,
        original_tokens=random_answer_tokens(seed, n_original),
        latent_N=rng.permutation(dictionary.n_latents)[:n_firing].astype(np.int32),
        contribution_N=contribution_N,
        n_checked=n_checked,
        ablated_N=contribution_N[:n_checked] * rng.uniform(0.7, 1.2, n_checked),
    )


def _latents(rng: np.random.Generator, n_latents: int, n: int) -> np.ndarray:
    return np.sort(rng.choice(n_latents, min(n, n_latents), replace=False)).astype(np.int32)


def _rewritten(rng: np.random.Generator, original: tuple[AnswerToken, ...], n_tokens: int) -> tuple[AnswerToken, ...]:
    """``n_tokens`` of which most are the original's, in its order; the others are new."""
    kept = [token for token in original if rng.random() < 0.7][:n_tokens]
    new = random_answer_tokens(int(rng.integers(2**31)), n_tokens - len(kept))
    for token in new:
        kept.insert(int(rng.integers(len(kept) + 1)), token)
    return tuple(kept)


def _answer(
    rng: np.random.Generator,
    condition: Condition,
    said: tuple[AnswerToken, ...],
    original: tuple[AnswerToken, ...],
    steered: tuple[AnswerToken, ...],
    *,
    seed: int | None = None,
    latents: np.ndarray | None = None,
    norm: float = 0.0,
    fall: float = 0.05,
) -> ConditionAnswer:
    along_original_O = np.array([token.logprob for token in original], np.float64)
    along_steered_S = np.array([token.logprob for token in steered], np.float64)
    if condition is not Condition.ORIGINAL:
        hit_O = rng.random(along_original_O.size) < 0.4
        along_original_O = along_original_O - rng.exponential(np.where(hit_O, fall, 0.05))
    if condition not in (Condition.STEERED, Condition.ERASED):
        along_steered_S = along_steered_S - rng.exponential(2.0, along_steered_S.size)
    return ConditionAnswer(
        condition=condition,
        seed=seed,
        latents=np.zeros(0, np.int32) if latents is None else latents,
        change_norm=norm,
        tokens=said,
        output_text="".join(token.text for token in said),
        truncated=False,
        along_original_O=along_original_O,
        along_steered_S=along_steered_S,
    )
