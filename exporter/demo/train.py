"""``python -m tb_visualscratchpad.exporter.demo.train``: makes Emoji World's model and dictionary, and says whether they are better.

Nothing is downloaded: pictures are composed while it trains. On a GPU it begins with nothing, on a CPU with the bundle, which it
fine-tunes; the small world is trained from nothing on any machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tb_visualscratchpad.exporter.demo.compose import BUNDLE
from tb_visualscratchpad.exporter.demo.training.answer_marks import mark_answers
from tb_visualscratchpad.exporter.demo.training.bundle_files import put_in_place, write_bundle
from tb_visualscratchpad.exporter.demo.training.comparison import Comparison, compare
from tb_visualscratchpad.exporter.demo.training.evaluation import dictionary_figures, fresh_pictures
from tb_visualscratchpad.exporter.demo.training.figures import Figure, present_value
from tb_visualscratchpad.exporter.demo.training.model_card import model_card
from tb_visualscratchpad.exporter.demo.training.recipe import Recipe, recipe_of, with_lengths
from tb_visualscratchpad.exporter.demo.training.stage_run import say
from tb_visualscratchpad.exporter.demo.training.training_world import WORLDS
from tb_visualscratchpad.exporter.demo.training.whole_training import TrainingFigures, train_bundle
from tb_visualscratchpad.exporter.demo.write import one_thread
from tb_visualscratchpad.exporter.event_log import new_run_directory
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True)
class TrainedBundle:
    """What came of a training.

    Attributes:
        folder: the bundle.
        figures: its own, by name.
        comparison: with another bundle, where one was named.
        replaced: whether it was put in the other's place.
    """

    folder: Path
    figures: Mapping[str, Figure]
    comparison: Comparison | None
    replaced: bool


def train_and_judge(
    recipe: Recipe,
    output: Path,
    *,
    start: Path | None,
    device: str,
    seed: int,
    work: Path | None = None,
    logdir: Path | None = None,
    compare_with: Path | None = None,
    replace: bool = False,
) -> TrainedBundle:
    """Trains a bundle, judges it on fresh pictures and writes it to ``output`` with its card.

    Args:
        start: a bundle to begin with; nothing where None.
        device: ``cpu``, ``cuda`` ...
        work: where a killed training left what it needs to go on; by default nothing is kept.
        logdir: for TensorBoard.
        compare_with: a bundle that is judged on the same pictures.
        replace: put the new one in its place if the rule of ``comparison`` holds.

    Raises:
        ScratchpadError: ``output`` exists, a bundle cannot be read, no SAELens, or a stage failed.
    """
    if output.exists() or output.is_symlink():
        raise ScratchpadError(f"--output {output} exists already: name a folder that does not, or remove it.")
    if start is None and (recipe.dictionary is None or not recipe.answers.n_steps):
        raise ScratchpadError("A training from nothing needs answers and a dictionary: give --answer-steps and --sae-samples above 0, or begin --from bundle.")
    if recipe.dictionary is not None:
        _require_saelens()
    with ExitStack() as stack:
        if work is None:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emoji-world-training-")))
        if device == "cpu":
            stack.enter_context(one_thread())
        log = None if logdir is None else new_run_directory(logdir, "emoji-world-training")
        figures_log = stack.enter_context(TrainingFigures(log))
        trained = train_bundle(recipe, start, device=device, seed=seed, work=work, figures=figures_log)

        say(f"Judging on {recipe.n_pictures} fresh pictures")
        judge = _Judge(recipe, device, seed)
        vlm = load_vlm(trained.vlm, device=device, dtype="float32")
        figures = judge.figures(vlm, trained.sae)
        compared = None
        if compare_with is not None:
            say(f"Judging {compare_with} on the same pictures")
            compared = compare(judge.figures(load_vlm(compare_with / "vlm", device=device, dtype="float32"), compare_with / "sae"), figures, seed)
        card = model_card(
            recipe, figures, seed=seed, start="nothing" if start is None else "the bundle" if start == BUNDLE else start.name,
            device=torch.cuda.get_device_name(vlm.device) if vlm.device.type == "cuda" else "a CPU",
            n_parameters=sum(parameter.numel() for parameter in vlm.model.parameters()), seconds=trained.seconds,
        )
        write_bundle(output, trained.vlm, trained.sae, card)
    replaced = bool(replace and compare_with is not None and compared is not None and compared.may_replace)
    if replaced and compare_with is not None:
        put_in_place(output, compare_with)
        if compare_with == BUNDLE:
            say("The badly trained dictionary belonged to the old model: python -m tb_visualscratchpad.exporter.demo.train_badly makes another.")
    return TrainedBundle(output, figures, compared, replaced)


class _Judge:
    """The same fresh pictures for every bundle; answers of the same model are asked for once."""

    def __init__(self, recipe: Recipe, device: str, seed: int) -> None:
        self._recipe, self._device = recipe, device
        self._pictures = fresh_pictures(recipe.world, seed, recipe.n_pictures)
        self._answers: dict[str, dict[str, Figure]] = {}

    def figures(self, vlm: Vlm, sae_folder: Path) -> dict[str, Figure]:
        recipe, world = self._recipe, self._recipe.world
        sae = load_sae(sae_folder).to(vlm.device)
        if vlm.identity not in self._answers:
            self._answers[vlm.identity] = dict(mark_answers(vlm, world, self._pictures))
        of_dictionary = dictionary_figures(vlm, sae, world, self._pictures, recipe.n_explained, recipe.n_per_object)
        return {**self._answers[vlm.identity], **of_dictionary}


def _require_saelens() -> None:
    try:
        import sae_lens  # noqa: F401
    except ImportError as error:
        raise ScratchpadError(
            f'Training a dictionary needs SAELens, which cannot be imported ({error}): pip install "tb-visualscratchpad[train]", or leave that '
            "stage out with --sae-samples 0."
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        with redirect_stdout(sys.stderr):
            told = _run(options)
    except ScratchpadError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        kept = "nothing was kept (--work keeps checkpoints)" if options.work is None else f"go on with the same command; {options.work} keeps what was done"
        print(f"train: Interrupted; {kept}.", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps(told, allow_nan=False))
    return 0


def _run(options: argparse.Namespace) -> dict[str, Any]:
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    begin = options.start or ("nothing" if options.world == "small" or device.startswith("cuda") else "bundle")
    compare_with = None if options.compare_with is None else _bundle_folder(options.compare_with)
    if options.replace and compare_with is None:
        raise ScratchpadError("--replace needs --compare-with: name the bundle that may be replaced.")
    for option in ("tower_steps", "answer_steps", "sae_samples", "batch", "pictures", "explained"):
        value, least = getattr(options, option), 0 if option in ("tower_steps", "answer_steps", "sae_samples") else 1
        if value is not None and value < least:
            raise ScratchpadError(f"--{option.replace('_', '-')} is {value}: expected at least {least}.")
    if options.seed < 0:
        raise ScratchpadError(f"--seed is {options.seed}: expected 0 or more.")
    recipe = with_lengths(
        recipe_of(options.world, from_nothing=begin == "nothing", seed=options.seed), tower_steps=options.tower_steps,
        answer_steps=options.answer_steps, sae_samples=options.sae_samples, batch=options.batch, n_pictures=options.pictures,
        n_explained=options.explained,
    )
    bundle = train_and_judge(
        recipe, options.output.expanduser(), start=None if begin == "nothing" else _bundle_folder(begin), device=device, seed=options.seed,
        work=options.work, logdir=options.logdir, compare_with=compare_with, replace=options.replace,
    )
    say(f"Wrote {bundle.folder}")
    values = {name: present_value(figure) for name, figure in bundle.figures.items()}
    if bundle.comparison is None:
        for name, value in values.items():
            say(f"  {name}: {value:.3f}")
    else:
        say(str(bundle.comparison))
        say("It replaced the old one." if bundle.replaced else "The old one stays.")
    return {
        "bundle": str(bundle.folder), "figures": {name: None if value != value else value for name, value in values.items()},
        "may_replace": None if bundle.comparison is None else bundle.comparison.may_replace, "replaced": bundle.replaced,
    }


def _bundle_folder(said: str) -> Path:
    folder = BUNDLE if said == "bundle" else Path(said).expanduser()
    if not (folder / "vlm").is_dir() or not (folder / "sae").is_dir():
        raise ScratchpadError(f"{folder} is no bundle: expected a folder with vlm and sae, or the word bundle.")
    return folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tb_visualscratchpad.exporter.demo.train", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the new bundle; must not exist")
    parser.add_argument("--world", choices=sorted(WORLDS), default="full", help="small: two minutes of two cores (default full)")
    parser.add_argument("--from", dest="start", metavar="START", help="nothing, bundle, or a bundle's folder (default: nothing on a GPU and for the small world, else bundle)")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 ... (default: a GPU where there is one)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, pictures and questions (default 0)")
    parser.add_argument("--work", type=Path, help="folder for checkpoints: the same command goes on where it was killed")
    parser.add_argument("--logdir", type=Path, help="TensorBoard log directory; a run directory is made in it")
    parser.add_argument("--tower-steps", type=int, help="steps of the vision tower alone; 0 leaves them out")
    parser.add_argument("--answer-steps", type=int, help="steps on answers; 0 leaves them out")
    parser.add_argument("--sae-samples", type=int, help="patches for the dictionary; 0 leaves it as it is")
    parser.add_argument("--batch", type=int, help="pictures of a step")
    parser.add_argument("--pictures", type=int, help="fresh pictures to judge by")
    parser.add_argument("--explained", type=int, help="of them those whose words are looked into")
    parser.add_argument("--compare-with", metavar="BUNDLE", help="bundle, or a bundle's folder: judged on the same pictures")
    parser.add_argument("--replace", action="store_true", help="put the new one in its place if none of its figures is worse and two are better")
    parser.add_argument("--json", action="store_true", help="print figures and verdict as one object on stdout")
    return parser


if __name__ == "__main__":
    sys.exit(main())
