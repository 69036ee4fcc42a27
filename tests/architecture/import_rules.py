"""Who may import whom, read from the sources without running them.

Areas stand in tiers; a module may import its own tier and those below. The plugin package never imports the exporter, and the
exporter takes from the plugin package only ``wire`` and ``views``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "tb_visualscratchpad"
EXPORTER = f"{PACKAGE}.exporter"

PLUGIN_TIERS: tuple[tuple[str, ...], ...] = (
    ("wire",),
    ("views",),
    ("event_store", "latent_history", "step_records", "tag_index", "listing", "run_directories", "request_guard", "action_guard", "worker_client", "notes_document", "notes_store", "kind_words", "picture_likeness"),
    ("handlers",),
    ("plugin",),
)
EXPORTER_TIERS: tuple[tuple[str, ...], ...] = (
    (
        "pictures", "image_folder", "prepared_images", "packed_features", "activation_stream", "shared_stream",
        "training_plan", "process_group", "spool", "spool_records", "interruption", "vlm", "hooks", "attention", "token_logprobs",
        "sae", "running_references", "running_statistics", "label_entropy", "nearest_neighbours", "nearest_counterparts",
        "plane_projection", "map_alignment", "latent_clusters", "firing_profiles", "job_progress", "answer_stream", "prompt_cache",
        "greedy_decoding", "answers", "out_of_memory", "answer_judging", "failure_items",
    ),
    (
        "steering", "latent_edits", "asked_picture", "variants", "controls", "sweep", "shared_sweep", "explain", "steered_answers",
        "decoder_map", "decoder_drift", "dictionary_match", "pixel_erasure", "probe_set", "cluster_sweep", "dose_response",
        "word_gradient", "sae_training", "failure_set", "set_ablation", "truth", "sae_check", "head_attention", "several_sweeps",
    ),
    ("event_file", "writing_process", "dashboards", "step_log", "event_log", "training_log", "dictionary_monitor", "worker", "demo"),
    ("option_values", "train_command", "failures_command", "truth_command", "sae_options", "sae_check_command", "match_command", "cli", "__init__", "__main__"),
)
PLUGIN_MAY_USE = frozenset({"PIL", "google", "grpc", "numpy", "safetensors", "scipy", "tensorboard", "werkzeug"})
"""What an installation without ``[exporter]`` has."""


def tier_of(tiers: tuple[tuple[str, ...], ...], area: str) -> int | None:
    return next((number for number, areas in enumerate(tiers) if area in areas), None)


def python_modules(repository: Path) -> Iterator[tuple[str, Path]]:
    """Dotted name and file of every module of the plugin package and the exporter. Generated modules are left out."""
    for folder, prefix in ((repository / PACKAGE, PACKAGE), (repository / "exporter", EXPORTER)):
        for path in sorted(folder.rglob("*.py")):
            relative = path.relative_to(folder)
            linked = prefix == PACKAGE and relative.parts[0] in ("exporter", "frontend_static")
            if not linked and not path.name.endswith("_pb2.py"):
                yield ".".join((prefix, *relative.with_suffix("").parts)), path


def imported_names(source: str) -> Iterator[str]:
    """Dotted names that ``source`` imports anywhere, inside functions too; ``from a import b`` gives ``a.b``.

    Raises:
        ValueError: a relative import, which hides from these rules.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError("a relative import: write it in full, tb_visualscratchpad. ...")
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def area_of(name: str, prefix: str, tiers: tuple[tuple[str, ...], ...]) -> str:
    """The area under ``prefix`` that a dotted name belongs to; "__init__" for names of the package itself."""
    rest = name.removeprefix(prefix).strip(".").split(".")
    return rest[0] if rest[0] and (len(rest) > 1 or tier_of(tiers, rest[0]) is not None) else "__init__"


def violations_of_module(module: str, source: str) -> list[str]:
    """A sentence for each import of ``module`` that breaks a rule, and one if the module belongs to no tier."""
    in_exporter = module == EXPORTER or module.startswith(f"{EXPORTER}.")
    prefix, tiers = (EXPORTER, EXPORTER_TIERS) if in_exporter else (PACKAGE, PLUGIN_TIERS)
    own_area = module.removeprefix(f"{prefix}.").split(".")[0]
    own_tier = tier_of(tiers, own_area)
    if module == f"{PACKAGE}.__init__":
        own_tier = -1  # imports nothing of the project
    if own_tier is None:
        return [f"{module} belongs to no tier: say where {own_area} stands, in tests/architecture/import_rules.py"]
    try:
        names = list(imported_names(source))
    except ValueError as error:
        return [f"{module} has {error}"]
    found = []
    for name in names:
        allowed = may_import_exporter(name, own_tier) if in_exporter else may_import_plugin(name, own_tier)
        if not allowed:
            found.append(f"{module} imports {name}")
    return found


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def may_import_plugin(name: str, own_tier: int) -> bool:
    """Whether a module of the plugin package in ``own_tier`` may import ``name``."""
    if not is_within(name, PACKAGE):
        return name.split(".")[0] in PLUGIN_MAY_USE | sys.stdlib_module_names
    if is_within(name, EXPORTER):
        return False
    area = area_of(name, PACKAGE, PLUGIN_TIERS)
    tier = tier_of(PLUGIN_TIERS, area)
    return name == f"{PACKAGE}.__version__" or (tier is not None and tier <= own_tier)


def may_import_exporter(name: str, own_tier: int) -> bool:
    """Whether a module of the exporter in ``own_tier`` may import ``name``."""
    if is_within(name, EXPORTER):
        tier = tier_of(EXPORTER_TIERS, area_of(name, EXPORTER, EXPORTER_TIERS))
        return tier is not None and tier <= own_tier
    if is_within(name, PACKAGE):
        return name == f"{PACKAGE}.__version__" or area_of(name, PACKAGE, PLUGIN_TIERS) in ("wire", "views")
    return True


def violations(repository: Path) -> list[str]:
    """Every broken rule in the sources under ``repository``."""
    return [
        sentence
        for module, path in python_modules(repository)
        for sentence in violations_of_module(module, path.read_text(encoding="utf-8"))
    ]
