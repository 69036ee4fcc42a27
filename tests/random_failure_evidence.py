"""Random failure sets: some latents fire on wrong answers above all, most on few items, many not at all."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tb_visualscratchpad.wire.evidence import DictionaryInfo
from tb_visualscratchpad.wire.failure_evidence import FailureItem, FailureSet, SetAblation, SetAnswers
from tests.random_evidence import random_dictionary, random_picture


def random_failure_set(
    seed: int = 0, *, n_items: int = 40, n_latents: int = 64, n_prompts: int = 1, n_telling: int = 4, with_pictures: bool = True,
    dictionary: DictionaryInfo | None = None, wrong_share: float = 0.4, set_id: str | None = None, created: float = 1_700_001_000.0,
) -> FailureSet:
    """Latents 0 to ``n_telling`` - 1 fire on most wrong answers and few right ones; the last quarter is dead."""
    rng = np.random.default_rng([seed, 31])
    dictionary = dictionary or random_dictionary(seed, n_latents=n_latents)
    wrong_N = rng.permutation(n_items) < round(wrong_share * n_items)
    used = rng.random((n_items, dictionary.n_latents)) * (rng.random((n_items, dictionary.n_latents)) < rng.random(dictionary.n_latents) ** 2)
    used[:, :n_telling] = rng.random((n_items, n_telling)) * (rng.random((n_items, n_telling)) < np.where(wrong_N, 0.95, 0.1)[:, None])
    used[:, -dictionary.n_latents // 4 :] = 0
    plain = sparse.csr_matrix(used.astype(np.float32))
    return FailureSet(
        set_id=set_id or f"failures-{seed}",
        name=f"set {seed}",
        created=created,
        dictionary=dictionary,
        match="contains" if seed % 2 else "exact",
        system="Be kind. 桜" if seed % 2 else None,
        max_new_tokens=8,
        n_given=n_items + seed % 2,
        items=tuple(
            FailureItem(
                name=f"{number}.png",
                prompt=f"what is {number % n_prompts} ?",
                right_answer="a duck",
                output_text="a drake" if wrong else "a duck",
                truncated=number == 3,
                is_right=not wrong,
                is_flagged=number == 5,
                is_held_out=bool(number % 2),
            )
            for number, wrong in enumerate(wrong_N.tolist())
        ),
        indptr=plain.indptr.astype(np.int64),
        latent_Z=plain.indices.astype(np.int32),
        plain_Z=plain.data,
        weighted_Z=(plain.data * (rng.random(plain.data.size) < 0.9)).astype(np.float32),
        thumbnails=tuple(random_picture(number, width=24, height=16) for number in range(n_items)) if with_pictures else (),
        pictures=tuple(random_picture(number, width=48, height=32, mime="image/png") for number in range(n_items)) if with_pictures else (),
    )


def random_set_ablation(seed: int = 0, *, of: FailureSet | None = None, n_controls: int = 2, chosen_on: str = "half", created: float = 1_700_001_500.0) -> SetAblation:
    """Most wrong answers are mended, one right one is broken, one changes otherwise; controls change little."""
    of = of or random_failure_set(seed)
    rng = np.random.default_rng([seed, 37])
    original = SetAnswers(tuple(item.output_text for item in of.items), ~of.wrong_N)

    def answers(mended: float, broken: float, number: int | None) -> SetAnswers:
        right_N = np.where(of.wrong_N, rng.random(len(of.items)) < mended, rng.random(len(of.items)) >= broken)
        texts = tuple(
            item.output_text if right == item.is_right else ("a duck" if right else "a كلب") for item, right in zip(of.items, right_N, strict=True)
        )
        return SetAnswers(texts, right_N, number)

    ablated = answers(0.7, 0.1, None)
    odd = next(number for number, (wrong, right) in enumerate(zip(of.wrong_N, ablated.is_right_N, strict=True)) if wrong and not right)
    ablated = SetAnswers(tuple("a goose" if number == odd else text for number, text in enumerate(ablated.text_N)), ablated.is_right_N)
    return SetAblation(
        result_id=f"ablation-{seed}", name=f"{seed + 2} latents × 0", created=created, dictionary=of.dictionary,
        prompt=of.prompts[0] if len(of.prompts) == 1 else "", original_run_id="", differs_from_logged="It says “dog” today." if seed % 2 else "",
        set_id=of.set_id, chosen_on=chosen_on, latents=np.arange(seed + 2, dtype=np.int32), held_out_N=of.held_out_N,
        n_firing_N=rng.integers(0, 3, len(of.items)).astype(np.int32), original=original, ablated=ablated,
        controls=tuple(answers(0.1, 0.05, number) for number in range(n_controls)),
    )
