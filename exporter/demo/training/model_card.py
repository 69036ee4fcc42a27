"""The card of a bundle: what it is, how it was made, how good it is, and what it is not for."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tb_visualscratchpad.exporter.demo.training.figures import (
    AliveFigure,
    Figure,
    interval,
    present_value,
    resamples,
)
from tb_visualscratchpad.exporter.demo.training.pace import Pace
from tb_visualscratchpad.exporter.demo.training.recipe import Recipe


def model_card(recipe: Recipe, figures: Mapping[str, Figure], *, seed: int, start: str, device: str, n_parameters: int, seconds: float) -> str:
    """Markdown.

    Args:
        start: what the training began with: ``nothing``, ``bundle`` or a folder.
        device: what it ran on, in words.
        seconds: all stages together.
    """
    world = recipe.world
    counted = ", ".join(f"{count} ({chance:.0%})" for count, chance in world.number_of_objects.items())
    asked = ", ".join(f"{kind} ({weight:g})" for kind, weight in world.question_weights.items())
    plan = recipe.dictionary
    dictionary = "left as it was" if plan is None else f"{plan.n_steps:,} steps of {plan.step_samples:,} patches, Adam, highest learning rate {plan.learning_rate:g}, TopK {plan.k} of {plan.n_latents:,} latents, auxiliary loss on dead latents (SAELens)"
    return f"""# Emoji World: a model and its dictionary

| folder | what |
|---|---|
| `vlm/` | LLaVA-Next, {n_parameters / 1e6:.1f} M parameters, float16, with processor, word-level tokenizer and chat template |
| `sae/` | a TopK sparse autoencoder of what its projector reads, SAELens layout, float16 |
| `glyphs/` | the emoji as `rgba` uint8 [55, 128, 128, 4], their names and kinds |

**Purpose.** A model small enough for any CPU, really trained, on pictures whose truth is known. It is there to check attention maps, rankings and
ablations. It knows nothing but these emoji on these grounds, and is of no use on photographs.

**Data.** Composed while it trained, no picture twice (`exporter/demo/training/`): the {world.name} world, {len(world.objects)} objects on {len(world.grounds)} grounds,
{world.side} x {world.side} pixels, objects in a picture (chance): {counted}. Questions (weight): {asked}.

**Licence of the glyphs.** Noto Color Emoji, SIL Open Font License 1.1, see `glyphs/OFL.txt`.

**Recipe.** `python -m tb_visualscratchpad.exporter.demo.train --world {world.name} --seed {seed}`, begun from {start}, {seconds:.0f} s on {device}.
1. Vision tower alone (what covers each patch, the ground, the patch's place): {_pace(recipe.tower)}.
2. The whole model on answers: {_pace(recipe.answers)}.
3. The dictionary: {dictionary}.

**A planted bias.** What an animal is doing follows its ground, except animals of habit, which stand on their own ground in 98.5 % of the pictures: the
model leans on the ground, and now and then lets it mislead.

**Figures** on pictures that no stage was shown (seed {seed}), with 95 % intervals over pictures:

{_table(figures)}
**Limits.** One seed. The intervals are of the pictures, not of the training. Answers are short and formal; a question in other words is outside of
what it learnt.
"""


def _pace(pace: Pace) -> str:
    if not pace.n_steps:
        return "left out"
    return f"{pace.n_steps:,} steps of {pace.batch} pictures, AdamW, highest learning rates {pace.lr:g} and {pace.vision_lr:g} (vision tower), cosine"


def _table(figures: Mapping[str, Figure]) -> str:
    lines = ["| figure | value | 95 % | of |", "|---|---|---|---|"]
    for name, figure in figures.items():
        value = present_value(figure)
        if math.isnan(value):
            lines.append(f"| {name} | undefined | | 0 |")
        elif isinstance(figure, AliveFigure):
            # A resample shows fewer different pictures than there are.
            lines.append(f"| {name} | {value:.3f} | | {figure.n:,.0f} latents, {figure.n_pictures} pictures |")
        else:
            low, high = interval(figure.values(resamples(figure.n_pictures, 0)))
            of = f"{figure.n_pictures} pictures" if name == "FVU" else f"{figure.n:,.0f}"
            lines.append(f"| {name} | {value:.3f} | {low:.3f} to {high:.3f} | {of} |")
    return "\n".join(lines) + "\n"
