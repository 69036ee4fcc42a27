"""How long each stage takes and how fast it learns: where a GPU trains from nothing, where a CPU fine-tunes, and for the small world."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tb_visualscratchpad.exporter.demo.training.pace import Pace
from tb_visualscratchpad.exporter.demo.training.training_world import WORLDS, TrainingWorld
from tb_visualscratchpad.exporter.demo.training.untrained_model import LIKE_THE_BUNDLE, SMALL, ModelSize
from tb_visualscratchpad.exporter.training_plan import TrainingPlan


@dataclass(frozen=True)
class Recipe:
    """All that decides a training but its seed and what it begins with. A stage of no steps is left out.

    Attributes:
        size: of a new model.
        dictionary: its ``n_samples`` are patches; None leaves the dictionary as it was.
        n_pictures: fresh ones, to judge the outcome by.
        n_explained: of them those whose words are looked into, which costs most.
        n_per_object: pictures of each object alone that tell whose latent is whose.
        from_patches: a new dictionary begins with patches in place of chance, which a short training needs.
    """

    world: TrainingWorld
    size: ModelSize
    tower: Pace
    answers: Pace
    dictionary: TrainingPlan | None
    n_pictures: int
    n_explained: int
    n_per_object: int = 4
    from_patches: bool = False


def recipe_of(world: str, *, from_nothing: bool, seed: int) -> Recipe:
    """The default recipe for a world, from nothing or to fine-tune."""
    chosen = WORLDS[world]
    if world == "small":
        return Recipe(
            chosen, SMALL, Pace(200, 32, 3e-3, 3e-3), Pace(600, 16, 3e-3, 1e-3),
            TrainingPlan(n_latents=256, k=4, n_samples=150_000, step_samples=512, learning_rate=2e-3, seed=seed), n_pictures=120, n_explained=60,
            from_patches=True,
        )
    if from_nothing:
        # What reached the bundle's figures: about 25 minutes of an H100. Exist is learnt at about 900,000 samples.
        return Recipe(
            chosen, LIKE_THE_BUNDLE, Pace(3_000, 128, 8e-4, 8e-4), Pace(14_000, 128, 8e-4, 2e-4),
            TrainingPlan(n_latents=3072, k=16, n_samples=8_000_000, step_samples=4096, learning_rate=1e-3, seed=seed), n_pictures=400, n_explained=100,
        )
    return Recipe(
        chosen, LIKE_THE_BUNDLE, Pace(0, 16, 1e-4, 1e-4), Pace(100, 16, 3e-5, 1e-5),
        TrainingPlan(n_latents=3072, k=16, n_samples=400_000, step_samples=1024, learning_rate=3e-4, seed=seed), n_pictures=200, n_explained=60,
    )


def with_lengths(
    recipe: Recipe,
    *,
    tower_steps: int | None = None,
    answer_steps: int | None = None,
    sae_samples: int | None = None,
    batch: int | None = None,
    n_pictures: int | None = None,
    n_explained: int | None = None,
) -> Recipe:
    """The recipe with other lengths where they are given; a stage of length 0 is left out."""
    tower, answers, dictionary = recipe.tower, recipe.answers, recipe.dictionary
    if tower_steps is not None:
        tower = replace(tower, n_steps=tower_steps)
    if answer_steps is not None:
        answers = replace(answers, n_steps=answer_steps)
    if batch is not None:
        tower, answers = replace(tower, batch=batch), replace(answers, batch=batch)
    if sae_samples is not None and dictionary is not None:
        dictionary = replace(dictionary, n_samples=sae_samples) if sae_samples else None
    return replace(
        recipe, tower=tower, answers=answers, dictionary=dictionary, n_pictures=n_pictures or recipe.n_pictures,
        n_explained=n_explained or recipe.n_explained,
    )
