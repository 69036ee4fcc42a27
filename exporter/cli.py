"""The command line: ``visualscratchpad demo | statistics | run | failures | worker | train-sae | truth | convert-sae | check-sae | match-sae``.

What a user can put right is said in one sentence on stderr, with exit status 1; wrong options end with 2, Ctrl-C with 130. Only
``--json`` writes to stdout, one object, and ``truth`` its table and ``check-sae`` its verdict; everything else goes to stderr. A check
whose verdict is not "rightly" ends with 3.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tb_visualscratchpad import __version__
from tb_visualscratchpad.exporter import failures_command, match_command
from tb_visualscratchpad.exporter.option_values import positive
from tb_visualscratchpad.exporter.process_group import is_one_of_several, joined, own_device
from tb_visualscratchpad.exporter.sae_check_command import (
    LOOKS_WRONG,
    add_check_options,
    check,
    check_as_json,
    require_sound_options,
    text_of,
)
from tb_visualscratchpad.exporter.sae_options import (
    add_conversion_options,
    add_sae_options,
    answers_of,
    convert,
    tell_remarks,
)
from tb_visualscratchpad.exporter.train_command import add_training_options, check_before_loading, train, train_shared
from tb_visualscratchpad.exporter.truth_command import add_truth_options, report_as_json, table_of, truth_set
from tb_visualscratchpad.wire.errors import ScratchpadError

if TYPE_CHECKING:
    from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
    from tb_visualscratchpad.exporter.sae import SparseAutoencoder
    from tb_visualscratchpad.exporter.vlm import Vlm

N_TOP_LATENTS = 10
SMALL_MODEL = 50_000_000
"""Parameters under which more threads only slow a model down."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status. ``arguments`` defaults to the process's own."""
    options = _parser().parse_args(arguments)
    try:
        # Libraries that print must not get into the one object on stdout.
        with contextlib.redirect_stdout(sys.stderr):
            result = options.command(options)
    except ScratchpadError as error:
        return _end(str(error), 1)
    except KeyboardInterrupt:
        return _end("Interrupted; nothing half-written was left.", 130)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        return _end(f"Writing failed ({error.strerror}: {error.filename}): make room or choose another --logdir.", 1)
    if result is not None:
        print(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, allow_nan=False))
    return int(getattr(options, "status", 0))


def _end(sentence: str, status: int) -> int:
    print(f"visualscratchpad: {sentence}", file=sys.stderr)
    return status


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="visualscratchpad",
        description="Records which visual concepts a vision-language model saw and which its words used, for the TensorBoard tab.",
    )
    parser.add_argument("--version", action="version", version=f"visualscratchpad {__version__}")
    commands = parser.add_subparsers(dest="name", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="write a demo log of the bundled Emoji World model and show it in TensorBoard, with a worker")
    demo.add_argument("--logdir", type=Path, required=True, help="where the demo's run directories go")
    demo.add_argument("--no-serve", action="store_true", help="write the log and end")
    demo.add_argument("--port", type=int, default=0, help="port for TensorBoard; a free one by default")
    demo.set_defaults(command=_demo)

    statistics = commands.add_parser(
        "statistics",
        help="sweep an image folder: statistics, reference images, quality of the SAE, map of its latents",
        description="Sweeps an image folder once (class subfolders are labels) and logs statistics, references, metrics and maps.",
    )
    _add_dictionary_options(statistics)
    statistics.add_argument("--images", type=Path, required=True, help="folder of images; subfolders are labels")
    statistics.add_argument("--logdir", type=Path, required=True, help="TensorBoard log directory; a run directory is made in it")
    statistics.add_argument("--batch-size", type=positive, default=8, help="views in the vision tower at once (default 8)")
    statistics.add_argument("--limit", type=positive, help="at most so many images, spread evenly over the folder")
    statistics.add_argument("--seed", type=int, default=0, help="of the latent maps (default 0)")
    statistics.add_argument("--no-map", action="store_true", help="leave the latent maps out (they take minutes at 65,536 latents)")
    statistics.add_argument("--no-images", action="store_true", help="log no pictures, only numbers and file names")
    statistics.add_argument("--json", action="store_true", help="print the metrics as one object on stdout")
    statistics.set_defaults(command=_statistics)

    run = commands.add_parser(
        "run",
        help="ask the model about a picture and record the evidence",
        description="Asks the model about one picture and logs tokens, attention and latents.",
    )
    _add_dictionary_options(run)
    run.add_argument("--image", required=True, help="the picture")
    run.add_argument("--prompt", required=True, help="what to ask")
    run.add_argument("--logdir", type=Path, help="TensorBoard log directory; a run directory is made in it (needed without --json)")
    run.add_argument("--system", help="system text, where the chat template has a place for one")
    run.add_argument("--steer", type=Path, metavar="SPEC.json", help="a steering spec to run under")
    run.add_argument("--max-new-tokens", type=positive, default=512, help="where the answer is cut (default 512)")
    run.add_argument("--name", help="what the tab calls the run (default: the prompt)")
    run.add_argument("--no-images", action="store_true", help="log no picture, only numbers")
    run.add_argument("--json", action="store_true", help="print answer, tokens and top latents as one object on stdout")
    run.set_defaults(command=_run)

    failures = commands.add_parser(
        "failures",
        help="ask about many pictures with right answers: which latents are common to the failures, and does taking them away mend them?",
        description="Asks the model about every picture of a file, logs which answers are wrong and which latents tell them apart.",
    )
    _add_dictionary_options(failures)
    failures_command.add_failures_options(failures)
    failures.set_defaults(command=_failures)

    worker = commands.add_parser(
        "worker",
        help="hold the model and run what the tab asks for",
        description="Holds one model and one SAE, takes jobs from the tab on this machine, and logs what comes of them. Ctrl-C ends it.",
    )
    _add_dictionary_options(worker)
    worker.add_argument("--logdir", type=Path, required=True, help="the log directory that TensorBoard shows; a run directory is made in it")
    worker.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; a free one by default")
    worker.add_argument("--max-new-tokens", type=positive, default=1024, help="no answer gets longer (default 1024)")
    worker.add_argument("--no-images", action="store_true", help="log no pictures, only numbers")
    worker.add_argument("--end-with-stdin", action="store_true", help=argparse.SUPPRESS)
    worker.set_defaults(command=_worker)

    train = commands.add_parser(
        "train-sae",
        help="train an SAE on a model's vision features, for a model that has none",
        description="Streams the vision features of an image folder into SAELens' trainer, logs how the dictionary grows, and saves it.",
    )
    _add_model_options(train.add_argument_group("model"))
    add_training_options(train)
    train.set_defaults(command=_train_sae)

    truth = commands.add_parser(
        "truth",
        help="check the method where it is known what stands where: a table of figures with intervals",
        description="Asks about pictures whose masks are known and checks attention, rankings, clusters, ablations and the SAE against them.",
    )
    _add_dictionary_options(truth)
    add_truth_options(truth)
    truth.set_defaults(command=_truth)

    conversion = commands.add_parser(
        "convert-sae",
        help="save an SAE of another library as SAELens does",
        description="Reads an SAE of any library that is read here and saves what it computes in SAELens' layout (docs/sae_formats.md).",
    )
    add_conversion_options(conversion)
    conversion.set_defaults(command=convert)

    checking = commands.add_parser(
        "check-sae",
        help="is this SAE read rightly: right layer, right input, right k, on your own images",
        description="Measures an SAE at every place of the vision tower and with every decision of its loader taken otherwise, and says which fits. "
        "Exit status 0: rightly; 3: it looks wrong.",
    )
    checking.add_argument("sae", metavar="PATH", help="folder, file or hub id of an SAE, or 'demo'")
    _add_dictionary_options(checking, named=False)
    add_check_options(checking)
    checking.set_defaults(command=_check_sae)

    matching = commands.add_parser(
        "match-sae",
        help="which latents of two SAEs are the same, by cosine of decoder rows",
        description="For each latent of either SAE the five of the other whose decoder rows have the largest cosine; logged for the tab's Compare.",
    )
    _add_dictionary_options(matching)
    match_command.add_match_options(matching)
    matching.set_defaults(command=_match_sae)
    return parser


def _add_dictionary_options(parser: argparse.ArgumentParser, named: bool = True) -> None:
    model = parser.add_argument_group("model and SAE")
    _add_model_options(model)
    if named:
        model.add_argument("--sae", required=True, help="folder, file or hub id of an SAE (docs/sae_formats.md lists the libraries), 'demo' or 'demo-bad'")
    model.add_argument("--hook", help="vision features the SAE reads (default: what its file says, else what the projector reads)")
    add_sae_options(parser.add_argument_group("where the file of the SAE does not tell"))


def _add_model_options(model: argparse._ArgumentGroup) -> None:
    model.add_argument("--vlm", required=True, help="folder or hub id of a LLaVA-Next or LLaVA-1.5 model, or 'demo'")
    model.add_argument("--device", help="cpu, cuda, cuda:1 (default: a GPU where there is one)")
    model.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), help="default: float32 on CPU, the checkpoint's on GPU")
    model.add_argument("--device-map", help="spread the model over GPUs, e.g. auto (instead of --device)")
    model.add_argument("--chat-template", help="file of a Jinja chat template, where the model has none")
    model.add_argument("--threads", type=positive, help="torch threads on a CPU (default: 1 for a small model, else torch's choice)")


def _load(options: argparse.Namespace) -> tuple[Vlm, SparseAutoencoder]:
    vlm = _load_vlm(options)
    from tb_visualscratchpad.exporter.sae import load_sae

    sae = load_sae(options.sae, device=str(vlm.device), **answers_of(options))
    tell_remarks(sae)
    return vlm, sae


def _load_vlm(options: argparse.Namespace) -> Vlm:
    _say("Loading torch and transformers ...")
    import torch
    from transformers.utils import logging

    from tb_visualscratchpad.exporter.vlm import load_vlm

    logging.disable_progress_bar()
    vlm = load_vlm(
        options.vlm, device=options.device, dtype=options.dtype, device_map=options.device_map, chat_template=options.chat_template
    )
    if options.threads or (vlm.device.type == "cpu" and sum(p.numel() for p in vlm.model.parameters()) < SMALL_MODEL):
        torch.set_num_threads(options.threads or 1)
    return vlm


@contextlib.contextmanager
def _new_run(logdir: Path, label: str) -> Iterator[ScratchpadWriter]:
    """A writer into a run directory of its own, which goes again if the body does not end well."""
    from tb_visualscratchpad.exporter.event_log import ScratchpadWriter, new_run_directory

    directory = new_run_directory(logdir, label)
    try:
        with ScratchpadWriter(directory) as writer:
            yield writer
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    _say(f"Logged to {directory}; show it with: tensorboard --logdir {logdir}")


def _demo(options: argparse.Namespace) -> None:
    from tb_visualscratchpad.exporter.demo.serve import require_free_port, serve
    from tb_visualscratchpad.exporter.demo.write import write_demo

    if not options.no_serve:
        require_free_port(options.port)
    write_demo(options.logdir)
    if not options.no_serve:
        serve(options.logdir, options.port)


def _statistics(options: argparse.Namespace) -> dict[str, Any] | None:
    shared = _is_shared(options)
    vlm, sae = _load(options)
    from tb_visualscratchpad.exporter.decoder_map import decoder_map
    from tb_visualscratchpad.exporter.shared_sweep import sweep_shared
    from tb_visualscratchpad.exporter.sweep import sweep

    with joined() if shared else contextlib.nullcontext():
        swept = (sweep_shared if shared else sweep)(
            vlm, sae, options.images, hook=options.hook, batch_size=options.batch_size, limit=options.limit,
            keep_images=not options.no_images,
        )
    if swept is None:  # rank 0 has it
        return None
    statistics, metrics = swept.statistics, swept.metrics
    latent_map = None
    if not options.no_map and statistics.complete:
        _say("Mapping the latents ...")
        latent_map = decoder_map(statistics.dictionary, sae.W_dec, swept.references, seed=options.seed)
    with _new_run(options.logdir, "statistics") as writer:
        writer.add_latent_statistics(statistics)
        writer.add_references(swept.references)
        writer.add_sae_metrics(metrics)
        if latent_map is not None:
            writer.add_decoder_map(latent_map)
    unexplained = "undefined" if metrics.fvu is None else f"{metrics.fvu:.1%}"
    seen = f"{metrics.n_images:,} images" if statistics.complete else f"{metrics.n_images:,} images (interrupted)"
    _say(
        f"{seen}: {metrics.l0:.1f} latents per patch, {unexplained} of the variance unexplained, {metrics.n_dead:,} of "
        f"{statistics.dictionary.n_latents:,} latents dead, {metrics.n_dense:,} fire in over {metrics.dense_cutoff:.0%} of the images."
    )
    if statistics.n_broken:
        _say(f"{statistics.n_broken} images could not be read: {', '.join(statistics.broken_images[:5])}")
    if not options.json:
        return None
    return {
        "dictionary_id": statistics.dictionary.dictionary_id, "n_images": metrics.n_images, "n_patches": metrics.n_patches,
        "n_broken": statistics.n_broken, "complete": statistics.complete, "l0": metrics.l0, "fvu": metrics.fvu,
        "n_dead": metrics.n_dead, "n_dense": metrics.n_dense, "dense_cutoff": metrics.dense_cutoff,
    }


def _run(options: argparse.Namespace) -> dict[str, Any] | None:
    if options.logdir is None and not options.json:
        raise ScratchpadError("Neither --logdir nor --json was given, so the answer would go nowhere: give one of them.")
    steering = None
    if options.steer is not None:
        from tb_visualscratchpad.exporter.steering import SteeringSpec

        try:
            steering = SteeringSpec.from_json(options.steer.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ScratchpadError(f"The steering spec {options.steer} cannot be read ({error}): check the path.") from error
    from tb_visualscratchpad.exporter.pictures import read_picture

    picture = read_picture(options.image)
    vlm, sae = _load(options)
    from tb_visualscratchpad.exporter.explain import explain

    run = explain(
        vlm, sae, picture, options.prompt, steering, options.max_new_tokens, hook=options.hook, system=options.system,
        name=options.name, keep_picture=not options.no_images,
    )
    if options.logdir is not None:
        with _new_run(options.logdir, run.name[:40]) as writer:
            writer.add_vlm_run(run)
    _say(f"{run.output_text}{' [cut off]' if run.truncated else ''}")
    return run_as_json(run) if options.json else None


def _failures(options: argparse.Namespace) -> dict[str, Any] | None:
    items = failures_command.check_before_loading(options)
    vlm, sae = _load(options)
    return failures_command.record_failures(vlm, sae, items, options, _new_run)


def _worker(options: argparse.Namespace) -> None:
    from tb_visualscratchpad.exporter.worker.registration import OnlyWorker

    options.logdir = options.logdir.expanduser()
    # Before minutes are spent on loading a model.
    with OnlyWorker(options.logdir, os.environ):
        stop = threading.Event()
        if options.end_with_stdin:
            threading.Thread(target=_await_end_of_stdin, args=(stop,), name="stdin's end", daemon=True).start()
        vlm, sae = _load(options)
        from tb_visualscratchpad.exporter.worker.limits import WorkerLimits
        from tb_visualscratchpad.exporter.worker.serve import serve_worker

        serve_worker(
            vlm, sae, options.logdir, hook=options.hook, port=options.port, keep_pictures=not options.no_images,
            limits=WorkerLimits(new_tokens=options.max_new_tokens), stop=stop,
        )


def _train_sae(options: argparse.Namespace) -> dict[str, Any] | None:
    shared = _is_shared(options)
    folder = check_before_loading(options)
    vlm = _load_vlm(options)
    if not shared:
        return train(vlm, folder, options)
    with joined():
        return train_shared(vlm, folder, options)


def _is_shared(options: argparse.Namespace) -> bool:
    """Whether the work is shared among processes; each then gets a device of its own, where none was asked for."""
    shared = is_one_of_several()
    if shared and options.device is None and options.device_map is None:
        options.device = own_device()
    return shared


def _truth(options: argparse.Namespace) -> dict[str, Any] | str:
    pictures = truth_set(options)
    vlm, sae = _load(options)
    from tb_visualscratchpad.exporter.truth.check import check_truth

    report = check_truth(vlm, sae, pictures, hook=options.hook, max_new_tokens=options.max_new_tokens, seed=options.seed)
    if options.logdir is not None:
        with _new_run(options.logdir, "truth") as writer:
            writer.add_truth_report(report)
    return report_as_json(report) if options.json else table_of(report)


def _check_sae(options: argparse.Namespace) -> dict[str, Any] | str:
    require_sound_options(options)
    vlm, sae = _load(options)
    found = check(vlm, sae, options)
    if options.logdir is not None:
        with _new_run(options.logdir, "check-sae") as writer:
            writer.add_sae_check(found)
    options.status = 0 if found.right else LOOKS_WRONG
    return check_as_json(found) if options.json else text_of(found)


def _match_sae(options: argparse.Namespace) -> dict[str, Any] | None:
    vlm, sae = _load(options)
    other_vlm = vlm
    if options.other_vlm is not None and options.other_vlm != options.vlm:
        other_vlm = _load_vlm(argparse.Namespace(**{**vars(options), "vlm": options.other_vlm, "chat_template": None}))
    found = match_command.match(vlm, sae, other_vlm, options)
    with _new_run(options.logdir, "match-sae") as writer:
        writer.add_dictionary_match(found)
    _say(match_command.told(found))
    return match_command.match_as_json(found) if options.json else None


def _await_end_of_stdin(stop: threading.Event) -> None:
    # Not sys.stdin: its lock, held by a thread that waits, would abort the interpreter when it ends.
    while os.read(0, 4096):
        pass
    stop.set()


def run_as_json(run: Any) -> dict[str, Any]:
    """What ``run --json`` prints: the answer, every token, and the ten latents with the largest C for each output token.

    ``top_latents`` is keyed by the output token's ``index`` in the sequence, as text.
    """
    from tb_visualscratchpad.views import rank_latents
    from tb_visualscratchpad.wire.evidence import Span

    return {
        "output_text": run.output_text,
        "truncated": run.truncated,
        "tokens": [
            {"index": token.index, "text": token.text, "span": token.span.value, "logprob": token.logprob} for token in run.tokens
        ],
        "top_latents": {
            str(index): [[row.latent, row.weighted] for row in rank_latents(run, int(index), limit=N_TOP_LATENTS).rows]
            for index in run.tokens.indices(Span.OUTPUT)
        },
    }
