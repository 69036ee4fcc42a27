"""A random check of an SAE: every outcome, undefined figures, odd names."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.wire.evidence import DictionaryInfo
from tb_visualscratchpad.wire.sae_check_evidence import CheckedMeasure, CheckedPlace, CheckedReading, Outcome, SaeCheck
from tests.random_evidence import random_dictionary


def random_sae_check(seed: int = 0, *, dictionary: DictionaryInfo | None = None, right: bool = False) -> SaeCheck:
    rng = np.random.default_rng(seed)

    def some() -> float:
        return float(rng.uniform(0.01, 2))

    names = ("vision_tower.embeddings", *(f"vision_tower.layers.{layer}" for layer in range(6)))
    places = tuple(
        CheckedPlace(name, number > 0, number == 3, some() if number else None, some() if number else None, some(), number, 2 * number, some())
        for number, name in enumerate(names)
    )
    readings = (
        CheckedReading("subtracts_b_dec", "b_dec not subtracted", some(), some(), 0.0, False),
        CheckedReading("scale", "inputs multiplied by 0.333", some(), None, 1.0, not right),
        CheckedReading("tokens", "class tokens alone", None, None, None, False),
    )
    measures = (
        CheckedMeasure("variance unexplained", some(), "under 60%", Outcome.AS_EXPECTED),
        CheckedMeasure("factor on the inputs that leaves least unexplained", 1 / 3, "1, within 0.8 to 1.25", Outcome.UNEXPECTED),
        CheckedMeasure("slope", None, "1 <b>", Outcome.UNDECIDED),
    )
    remedies = () if right else ('--sae-scaling-factor 0.333 with "normalize_activations": "expected_average_only_in" in cfg.json',)
    verdict = "This SAE reads vision_tower.layers.2 rightly: it leaves 1.8 % of the variance unexplained." if right else (
        f"It looks wrong: as loaded it leaves 97.5 % of the variance at vision_tower.layers.2 unexplained; with inputs multiplied by 0.333 it leaves 2.0 %. "
        f"Try: {remedies[0]}."
    )
    return SaeCheck(
        dictionary=dictionary or random_dictionary(seed), images=f"größe {seed}", created=1_700_000_000.0 + seed, n_images=64, n_tokens=2048,
        right=right, verdict=verdict, remedies=remedies, places=places, readings=readings, measures=measures,
        prompt="describe the picture .", n_asked=8, n_kept=int(rng.integers(0, 9)),
    )
