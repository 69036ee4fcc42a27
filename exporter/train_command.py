"""``visualscratchpad train-sae``: an SAE for a VLM that has none, and the log of how it grew."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tb_visualscratchpad.exporter.writing_process import is_writing_process
from tb_visualscratchpad.wire.errors import ScratchpadError

if TYPE_CHECKING:
    from tb_visualscratchpad.exporter.image_folder import ImageFolder
    from tb_visualscratchpad.exporter.sae import SparseAutoencoder
    from tb_visualscratchpad.exporter.sae_training import OpenStream
    from tb_visualscratchpad.exporter.sweep import SweepResult
    from tb_visualscratchpad.exporter.vlm import Vlm

LATENTS_PER_WIDTH = 16
N_SNAPSHOTS = 10
N_SCALAR_POINTS = 1000
"""As many as TensorBoard keeps of a scalar."""


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """What ``train-sae`` takes besides the model."""
    parser.add_argument("--images", type=Path, required=True, help="folder of images to train on; subfolders are labels")
    parser.add_argument("--logdir", type=Path, required=True, help="TensorBoard log directory; a run directory is made in it")
    parser.add_argument("--hook", help="vision features to train on (default: what the projector reads)")
    parser.add_argument("--output", type=Path, help="folder to save the SAE in; must not exist (default: sae in the run directory)")
    parser.add_argument("--latents", type=int, help=f"how many (default: {LATENTS_PER_WIDTH} times the width of the hook)")
    parser.add_argument("--k", type=int, default=32, help="at most so many latents fire on a patch (default 32)")
    parser.add_argument("--samples", type=int, default=2_000_000, help="patches to train on; images come around again (default 2,000,000)")
    parser.add_argument("--step-samples", type=int, default=512, help="patches of a step (default 512)")
    parser.add_argument("--lr", type=float, default=1e-3, help="learning rate (default 0.001)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and map (default 0)")
    parser.add_argument("--batch-size", type=int, default=8, help="views in the vision tower at once (default 8)")
    parser.add_argument("--log-every", type=int, help=f"steps between two snapshots of the dictionary (default: {N_SNAPSHOTS} in all)")
    parser.add_argument("--probe-images", type=int, default=64, help="images of each snapshot, spread evenly (default 64)")
    parser.add_argument("--no-map", action="store_true", help="leave the latent map at the end out (it takes minutes at 65,536 latents)")
    parser.add_argument("--no-images", action="store_true", help="log no pictures, only numbers and file names")
    parser.add_argument("--json", action="store_true", help="print where the SAE lies and its metrics as one object on stdout")


def check_before_loading(options: argparse.Namespace) -> ImageFolder:
    """What can be told to be wrong before minutes go into loading a model; gives the images.

    Raises:
        ScratchpadError: a figure out of range, no images, an output that exists, or no SAELens.
    """
    from tb_visualscratchpad.exporter.image_folder import list_images

    for option, value in (
        ("--batch-size", options.batch_size), ("--probe-images", options.probe_images), ("--log-every", options.log_every),
        ("--latents", options.latents),
    ):
        if value is not None and value < 1:
            raise ScratchpadError(f"{option} is {value}: expected at least 1.")
    _plan(options, options.latents or max(options.k, 1))
    if options.output is not None:
        options.output = options.output.expanduser()
        if options.output.exists() or options.output.is_symlink():
            raise ScratchpadError(f"--output {options.output} exists already: name a folder that does not, or remove it.")
    folder = list_images(options.images)
    if not is_writing_process():
        return folder
    try:
        import sae_lens  # noqa: F401
    except ImportError as error:
        raise ScratchpadError(
            f"Training needs SAELens, which cannot be imported ({error}): pip install \"tb-visualscratchpad[train]\"."
        ) from error
    return folder


def _plan(options: argparse.Namespace, n_latents: int) -> Any:
    from tb_visualscratchpad.exporter.training_plan import TrainingPlan

    return TrainingPlan(
        n_latents=n_latents, k=options.k, n_samples=options.samples, step_samples=options.step_samples,
        learning_rate=options.lr, seed=options.seed,
    )


def train_shared(vlm: Vlm, folder: ImageFolder, options: argparse.Namespace) -> dict[str, Any] | None:
    """As ``train``, by all processes of the default group of ``torch.distributed``: all run the vision tower, rank 0 does the rest."""
    from tb_visualscratchpad.exporter.shared_stream import OtherTowers, require_same_folder, serve_share

    hook = vlm.resolve_hook(options.hook)
    require_same_folder(folder)
    if not is_writing_process():
        serve_share(vlm, hook, folder, batch_size=options.batch_size, seed=options.seed)
        return None
    with OtherTowers() as others:
        return train(vlm, folder, options, others.stream)


def train(vlm: Vlm, folder: ImageFolder, options: argparse.Namespace, open_stream: OpenStream | None = None) -> dict[str, Any] | None:
    """Train, log and save as the options say; gives what ``--json`` prints.

    Args:
        open_stream: where the features come from, if not from this process alone.
    """
    from tb_visualscratchpad.exporter.activation_stream import stream_features
    from tb_visualscratchpad.exporter.event_log import new_run_directory
    from tb_visualscratchpad.exporter.sae import width_of_hook
    from tb_visualscratchpad.exporter.sae_training import train_sae
    from tb_visualscratchpad.exporter.training_log import TrainingLog

    hook = vlm.resolve_hook(options.hook)
    plan = _plan(options, options.latents or LATENTS_PER_WIDTH * width_of_hook(vlm, hook))
    directory = new_run_directory(options.logdir, "train-sae")
    output: Path = options.output or directory / "sae"
    began = False
    last: list[tuple[int, SparseAutoencoder, SweepResult]] = []
    try:
        with TrainingLog(
            directory, vlm, options.images, n_probe=options.probe_images, batch_size=options.batch_size,
            keep_images=not options.no_images,
        ) as log:
            def follow(step: int, figures: Any) -> None:
                nonlocal began
                began = True
                log.add_figures(step, figures)

            def keep(step: int, sae: SparseAutoencoder) -> None:
                swept = log.add_snapshot(step, sae)
                last[:] = [(step, sae, swept)]
                _say(f"step {step:,} of {plan.n_steps:,}: {_health(swept)}")

            _say(f"Training {plan.n_latents:,} latents on {hook} over {len(folder):,} images; log in {directory}")
            n_steps = train_sae(
                vlm, folder, output, plan, hook=hook, batch_size=options.batch_size,
                figures_every=max(1, plan.n_steps // N_SCALAR_POINTS), on_figures=follow,
                snapshot_every=options.log_every or max(1, plan.n_steps // N_SNAPSHOTS), on_snapshot=keep,
                open_stream=open_stream or stream_features,
            )
            step, sae, swept = last[0]
            # Of a Ctrl-C torchrun leaves its processes half a minute.
            if not options.no_map and (open_stream is None or n_steps == plan.n_steps):
                _say("Mapping the latents ...")
                log.add_map(step, sae, swept, options.seed)
    except BaseException:
        # What was logged of a training that broke off tells why it did.
        if not began:
            shutil.rmtree(directory, ignore_errors=True)
        raise
    ended = "" if n_steps == plan.n_steps else f" (ended after {n_steps:,} of {plan.n_steps:,} steps)"
    _say(f"Saved to {output}{ended}; go on with: visualscratchpad statistics --sae {output} --vlm {options.vlm} "
         f"--images {options.images} --logdir {options.logdir}")
    if not options.json:
        return None
    metrics = swept.metrics
    return {
        "sae": str(output), "hook": hook, "n_latents": plan.n_latents, "n_steps": n_steps, "complete": n_steps == plan.n_steps,
        "l0": metrics.l0, "fvu": metrics.fvu, "n_dead": metrics.n_dead, "n_images": metrics.n_images,
    }


def _health(swept: SweepResult) -> str:
    metrics = swept.metrics
    unexplained = "undefined" if metrics.fvu is None else f"{metrics.fvu:.1%}"
    return (
        f"{unexplained} of the variance unexplained, {metrics.l0:.1f} latents per patch, "
        f"{metrics.n_dead:,} of {swept.statistics.dictionary.n_latents:,} latents silent on {metrics.n_images:,} images"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
