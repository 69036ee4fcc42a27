"""Several dictionaries swept in one pass are what each would be by itself."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.several_sweeps import sweep_several
from tb_visualscratchpad.exporter.sweep import sweep
from tb_visualscratchpad.exporter.vlm import load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.test_sweep import save_pictures, save_tiny_sae
from tests.tiny_vlm import save_tiny_llava_next


def test_each_is_swept_as_by_itself(tmp_path: Path) -> None:
    vlm = load_vlm(save_tiny_llava_next(tmp_path / "vlm"))
    saes = [load_sae(save_tiny_sae(tmp_path / "one")), load_sae(save_tiny_sae(tmp_path / "two", n_latents=40))]
    pictures = save_pictures(tmp_path / "pictures", 9)
    (pictures / "bird" / "broken.png").write_bytes(b"no picture")
    together = sweep_several(vlm, saes, pictures, batch_size=4, progress=False)
    assert len(together) == 2
    for sae, found in zip(saes, together, strict=True):
        alone = sweep(vlm, sae, pictures, batch_size=4, progress=False)
        assert found.metrics == alone.metrics and found.statistics.n_broken == 1
        for name in (field.name for field in fields(alone.statistics)):
            one, other = getattr(found.statistics, name), getattr(alone.statistics, name)
            assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other, name
        for name in ("image_KR", "plain_mean_KR", "map_indptr", "map_patch_N", "map_value_N", "image_label_M"):
            assert np.array_equal(getattr(found.references, name), getattr(alone.references, name)), name
        assert found.references.image_names == alone.references.image_names


def test_what_cannot_be_swept_together_is_said(tmp_path: Path) -> None:
    vlm = load_vlm(save_tiny_llava_next(tmp_path / "vlm"))
    sae = load_sae(save_tiny_sae(tmp_path / "one"))
    hooks = [name for name in vlm.hooks() if "layers" in name][:2]
    with pytest.raises(ScratchpadError, match="different hooks"):
        sweep_several(vlm, [replace(sae, hook=hook) for hook in hooks], tmp_path)
    with pytest.raises(ScratchpadError, match="No SAE"):
        sweep_several(vlm, [], tmp_path)
    with pytest.raises(ScratchpadError, match="batch size"):
        sweep_several(vlm, [sae], tmp_path, batch_size=0)
