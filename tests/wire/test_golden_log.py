"""Golden logs of every schema version are read as they were meant, and the writer goes on writing the newest so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from google.protobuf.message import Message
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message
from tb_visualscratchpad.wire.sidecar import open_sidecar
from tb_visualscratchpad.wire.tags import PLUGIN_NAME
from tb_visualscratchpad.wire.version import SCHEMA_VERSION
from tests.data_providers import PROVIDERS, reading
from tests.evidence_equality import assert_same
from tests.golden import write_golden

VERSIONS = range(1, SCHEMA_VERSION + 1)


def golden(version: int) -> Path:
    return write_golden.GOLDEN / f"v{version}"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_golden_log_is_read(version: int, provider: str) -> None:
    with reading(provider, golden(version)) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        assert listing.problems == ()
        (run,) = listing.vlm_runs
        assert (run.run, run.run_id, run.steered, run.truncated) == (".", "golden-run", True, True)
        (dictionary,) = listing.dictionaries
        assert dictionary.info == write_golden.DICTIONARY and dictionary.steps == (write_golden.STEP,)
        identity = write_golden.DICTIONARY.dictionary_id
        assert_same(store.vlm_run("", ".", "golden-run"), write_golden.vlm_run())
        assert_same(store.latent_statistics("", identity), write_golden.latent_statistics())
        assert_same(store.references("", identity), write_golden.reference_images())
        assert_same(store.decoder_map("", identity), write_golden.decoder_map())
        assert_same(store.sae_metrics("", identity, write_golden.STEP), write_golden.sae_metrics())


def test_the_writer_writes_what_the_golden_log_holds(tmp_path: Path) -> None:
    write_golden.write(tmp_path)
    assert content(tmp_path) == content(golden(SCHEMA_VERSION)), (
        "the writer no longer writes what schema version "
        f"{SCHEMA_VERSION} says: raise SCHEMA_VERSION (old readers must refuse it), or take the change back"
    )


def test_a_change_of_the_writer_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tb_visualscratchpad.wire.codecs.attention.np.sqrt", np.square)
    write_golden.write(tmp_path)
    assert content(tmp_path) != content(golden(SCHEMA_VERSION))


def content(directory: Path) -> dict[str, object]:
    """All that a reader sees of a log: versions of zlib may pack the same arrays otherwise, and hence hash otherwise. What is there
    for TensorBoard's own dashboards, and the steps of a training run, are not part of these logs."""
    found: dict[str, object] = {}
    (events,) = directory.glob("events.out.tfevents.*")
    for event in EventFileLoader(str(events)).Load():
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name != PLUGIN_NAME:
                continue
            message = pb.Evidence.FromString(value.tensor.string_val[0])
            message.sidecar.ClearField("sha256")
            message.sidecar.ClearField("size")
            metadata = pb.PluginData.FromString(value.metadata.plugin_data.content)
            found[value.tag] = (event.step, value.metadata.data_class, str(metadata), str(unpacked(message)))
    return found | sidecar_content(directory / "plugins/visualscratchpad")


def sidecar_content(folder: Path) -> dict[str, object]:
    """All that a reader sees of the sidecars directly in a folder."""
    found: dict[str, object] = {}
    for path in sorted(folder.glob("*.safetensors")):
        sidecar = open_sidecar(path)
        for name, tensor in sidecar.tensors.items():
            found[f"{path.name}/{name}"] = (tensor.dtype.str, tensor.shape, tensor.tobytes())
        found[f"{path.name}/message"] = str(unpacked(pb.Evidence.FromString(sidecar.tensors["message"].tobytes())))
        # Geometries are packed messages too; their places follow from their lengths.
        if f"{path.name}/geometry_data" in found:
            data = sidecar.tensors["geometry_data"].tobytes()
            found[f"{path.name}/geometry_data"] = str(unpacked(pb.ImageTokenMap.FromString(data)))
            del found[f"{path.name}/geometry_end"]
        found[path.name] = dict(sidecar.metadata)
    return found


def unpacked(message: Message) -> Message:
    """The message with every array as it is before packing."""
    if isinstance(message, pb.Array):
        array = from_message(message)
        return pb.Array(dtype=message.dtype, shape=message.shape, data=array.tobytes())
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if isinstance(value, list) or hasattr(value, "append") else [value]:
                one.CopyFrom(unpacked(one))
    return message
