"""A sweep's statistics equal a dense computation, and nothing a folder may hold confuses it."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tb_visualscratchpad.exporter.image_folder import list_images
from tb_visualscratchpad.exporter.sae import dictionary_info, load_sae
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sweep import SweepResult, sweep
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.dictionary_evidence import N_REFERENCES
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.tiny_vlm import save_tiny_llava_next

D_IN, N_LATENTS, K = 24, 64, 4
SIZES = [(40, 40), (90, 30), (30, 90), (33, 61), (64, 64), (120, 35), (8, 8), (57, 41)]


@pytest.fixture(scope="module")
def vlm(tmp_path_factory) -> Vlm:
    return load_vlm(save_tiny_llava_next(tmp_path_factory.mktemp("vlm")))


@pytest.fixture(scope="module")
def sae(tmp_path_factory) -> SparseAutoencoder:
    return load_sae(save_tiny_sae(tmp_path_factory.mktemp("sae")))


def save_tiny_sae(folder: Path, n_latents: int = N_LATENTS, d_in: int = D_IN) -> Path:
    """A topk SAE with some latents that never fire."""
    generator = torch.Generator().manual_seed(0)
    W_dec = torch.nn.functional.normalize(torch.randn(n_latents, d_in, generator=generator), dim=-1)
    b_enc = 0.2 * torch.randn(n_latents, generator=generator)
    b_enc[:3] = -1e4
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {"W_enc": W_dec.T.contiguous(), "W_dec": W_dec, "b_enc": b_enc, "b_dec": torch.zeros(d_in)},
        folder / "sae_weights.safetensors",
    )
    (folder / "cfg.json").write_text(
        f'{{"architecture": "topk", "d_in": {d_in}, "d_sae": {n_latents}, "k": {K}, "apply_b_dec_to_input": true}}'
    )
    return folder


def save_pictures(root: Path, n: int, labels: tuple[str, ...] = ("bird", "fish", "tree"), seed: int = 0) -> Path:
    """Blurred noise in several shapes, dealt out to class subfolders."""
    rng = np.random.default_rng(seed)
    for index in range(n):
        folder = root / labels[index % len(labels)] if labels else root
        folder.mkdir(parents=True, exist_ok=True)
        noise = Image.fromarray(rng.integers(0, 256, size=(4, 4, 3), dtype=np.uint8))
        noise.resize(SIZES[index % len(SIZES)], Image.Resampling.BICUBIC).save(folder / f"{index:03d}.png")
    return root


class Dense:
    """The same numbers from dense arrays, one picture after another, in float64."""

    def __init__(self, vlm: Vlm, sae: SparseAutoencoder, root: Path, names: tuple[str, ...]) -> None:
        info = dictionary_info(vlm, sae)
        self.z: list[np.ndarray] = []
        self.packed: list[np.ndarray] = []
        xs, rebuilt = [], []
        for name in names:
            prepared = vlm.prepare_picture(Image.open(root / name).convert("RGB"))
            packed = np.flatnonzero(prepared.image_tokens.patch_token_P >= 0)
            x = vlm.features(prepared.pixel_values, info.hook).reshape(-1, sae.d_in)[packed]
            z = sae.encode(x)
            xs.append(x.double().numpy())
            rebuilt.append(sae.decode(z, x).double().numpy())
            self.z.append(z.double().numpy())
            self.packed.append(packed)
        x, r, z = np.concatenate(xs), np.concatenate(rebuilt), np.concatenate(self.z)
        self.n_patches = len(z)
        self.n_patches_firing = (z > 0).sum(axis=0)
        self.n_images_firing = np.sum([(image > 0).any(axis=0) for image in self.z], axis=0)
        self.sum = z.sum(axis=0)
        self.l0 = (z > 0).sum(axis=1).mean()
        self.fvu = ((x - r) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
        self.plain_mean = np.stack([image.mean(axis=0) for image in self.z])

    def best(self, latent: int) -> list[int]:
        order = sorted(range(len(self.z)), key=lambda image: (-self.plain_mean[image, latent], image))
        return [image for image in order if self.plain_mean[image, latent] > 0][:N_REFERENCES]


def assert_equals_dense(result: SweepResult, dense: Dense, names: tuple[str, ...], labels: list[str | None]) -> None:
    statistics, metrics = result.statistics, result.metrics
    assert (statistics.n_images, statistics.n_patches) == (len(names), dense.n_patches)
    np.testing.assert_array_equal(statistics.n_patches_firing_K, dense.n_patches_firing)
    np.testing.assert_array_equal(statistics.n_images_firing_K, dense.n_images_firing)
    np.testing.assert_allclose(statistics.activation_sum_K, dense.sum, rtol=1e-4)
    np.testing.assert_array_equal(statistics.alive_K, dense.sum > 0)
    assert metrics.l0 == pytest.approx(dense.l0) and metrics.fvu == pytest.approx(dense.fvu, rel=1e-5)
    assert metrics.n_dead == (dense.sum == 0).sum() >= 3
    assert metrics.n_dense == (dense.n_images_firing > 0.2 * len(names)).sum()
    for latent in range(statistics.dictionary.n_latents):
        best = dense.best(latent)
        found = result.references.of_latent(latent)
        assert [reference.name for reference in found] == [names[image] for image in best]
        for reference, image in zip(found, best, strict=True):
            assert reference.label == labels[image]
            assert reference.plain_mean == pytest.approx(dense.plain_mean[image, latent], rel=1e-4)
            full = np.zeros(reference.image_tokens.n_patches)
            full[dense.packed[image]] = dense.z[image][:, latent]
            np.testing.assert_array_equal(reference.patch_N, np.flatnonzero(full))
            np.testing.assert_allclose(reference.value_N, full[reference.patch_N], rtol=1e-3, atol=1e-5)
        shares: dict[str, float] = {}
        for image in best:
            if labels[image] is not None:
                share = dense.plain_mean[image, latent] / dense.plain_mean[best, latent].sum()
                shares[labels[image]] = shares.get(labels[image], 0.0) + share
        defined = len(best) == N_REFERENCES and all(labels[image] is not None for image in best)
        assert statistics.label_entropy_defined_K[latent] == defined
        if defined:
            assert statistics.label_entropy_K[latent] == pytest.approx(
                -sum(p * np.log(p) for p in shares.values()), abs=1e-5
            )
        if shares:
            assert statistics.top_label_share_K[latent] == pytest.approx(max(shares.values()), rel=1e-4)
            assert shares[statistics.label_names[statistics.top_label_K[latent]]] == pytest.approx(
                max(shares.values()), rel=1e-4
            )
        else:
            assert (statistics.top_label_K[latent], statistics.top_label_share_K[latent]) == (-1, 0)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_sweep_equals_the_dense_computation(tmp_path, vlm, sae, batch_size):
    root = save_pictures(tmp_path, 25)
    result = sweep(vlm, sae, root, batch_size=batch_size, progress=False)
    names = list_images(root).names
    assert_equals_dense(result, Dense(vlm, sae, root, names), names, [name.split("/")[0] for name in names])
    assert result.statistics.label_names == ("bird", "fish", "tree")
    assert result.statistics.complete and result.statistics.n_broken == 0
    assert len(result.references.geometries) == len(SIZES)
    assert all(picture.width <= 256 for picture in result.references.pictures)


def test_unlabelled_images_beside_labelled_ones(tmp_path, vlm, sae):
    save_pictures(tmp_path, 12, labels=("bird",))
    root = save_pictures(tmp_path, 4, labels=(), seed=1)
    names = list_images(root).names
    labels = ["bird" if "/" in name else None for name in names]
    assert_equals_dense(sweep(vlm, sae, root, progress=False), Dense(vlm, sae, root, names), names, labels)


def test_a_folder_without_labels(tmp_path, vlm, sae):
    result = sweep(vlm, sae, save_pictures(tmp_path, 12, labels=()), progress=False)
    assert result.statistics.label_names == () and not result.statistics.label_entropy_defined_K.any()
    assert (result.statistics.top_label_K == -1).all() and (result.references.image_label_M == -1).all()


def test_of_equal_images_the_first_are_references(tmp_path, vlm, sae):
    first = save_pictures(tmp_path, 1, labels=()) / "000.png"
    for index in range(1, 14):
        (tmp_path / f"{index:03d}.png").write_bytes(first.read_bytes())
    references = sweep(vlm, sae, tmp_path, batch_size=1, progress=False).references
    fired = [latent for latent in range(N_LATENTS) if references.of_latent(latent)]
    assert fired
    for latent in fired:
        assert [reference.name for reference in references.of_latent(latent)] == [
            f"{index:03d}.png" for index in range(10)
        ]
    assert len(references.image_names) == 10


def test_references_without_pictures(tmp_path, vlm, sae):
    root = save_pictures(tmp_path, 3)
    assert len(sweep(vlm, sae, root, keep_images=False, progress=False).references.pictures) == 0
    pictures = sweep(vlm, sae, root, thumbnail_side=20, progress=False).references.pictures
    assert len(pictures) == 3 and max(max(picture.width, picture.height) for picture in pictures) == 20


def test_broken_images_are_counted_and_named(tmp_path, vlm, sae, capsys):
    root = save_pictures(tmp_path, 6)
    whole = sweep(vlm, sae, root, progress=False)
    (root / "bird" / "text.png").write_text("no picture")
    (root / "tree" / "cut.png").write_bytes((root / "bird" / "000.png").read_bytes()[:60])
    (root / "tree" / "empty.jpg").write_bytes(b"")
    result = sweep(vlm, sae, root)
    assert "3" in capsys.readouterr().err
    assert result.statistics.broken_images == ("bird/text.png", "tree/cut.png", "tree/empty.jpg")
    assert (result.statistics.n_broken, result.statistics.n_images) == (3, 6)
    assert result.statistics.image_set_id == whole.statistics.image_set_id
    np.testing.assert_array_equal(result.statistics.n_patches_firing_K, whole.statistics.n_patches_firing_K)


def test_folders_that_cannot_be_swept(tmp_path, vlm, sae):
    with pytest.raises(ScratchpadError, match="does not exist"):
        sweep(vlm, sae, tmp_path / "nowhere", progress=False)
    with pytest.raises(ScratchpadError, match="no image under"):
        sweep(vlm, sae, tmp_path, progress=False)
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(ScratchpadError, match="is a file"):
        sweep(vlm, sae, tmp_path / "a.png", progress=False)
    with pytest.raises(ScratchpadError, match=r"None of the 1 images .* a\.png"):
        sweep(vlm, sae, tmp_path, progress=False)
    for arguments in ({"limit": 0}, {"batch_size": 0}):
        with pytest.raises(ScratchpadError, match="at least 1"):
            sweep(vlm, sae, tmp_path, progress=False, **arguments)


def test_an_sae_of_another_width_is_refused_before_any_work(tmp_path, vlm):
    wide = load_sae(save_tiny_sae(tmp_path / "wide", d_in=48))
    root = save_pictures(tmp_path / "pictures", 1)
    with pytest.raises(ScratchpadError, match=r"48-wide inputs, hook vision_tower\.layers\.2 .* gives 24.* --hook"):
        sweep(vlm, wide, root, progress=False)
    with pytest.raises(ScratchpadError, match="--hook"):
        sweep(vlm, wide, root, hook="elsewhere", progress=False)


def test_an_sae_that_fires_nowhere(tmp_path, vlm):
    folder = save_tiny_sae(tmp_path / "sae")
    weights = {
        "W_enc": torch.zeros(D_IN, 8),
        "W_dec": torch.zeros(8, D_IN),
        "b_enc": torch.zeros(8),
        "b_dec": torch.zeros(D_IN),
    }
    save_file(weights, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text('{"architecture": "standard"}')
    result = sweep(vlm, load_sae(folder), save_pictures(tmp_path / "pictures", 3), progress=False)
    assert result.metrics.n_dead == 8 and result.metrics.l0 == 0
    assert result.references.image_names == () and result.references.of_latent(0) == ()


# Names, order, identity


def test_images_are_listed_in_order_with_their_class_subfolders(tmp_path):
    for name in (
        "b/2.png",
        "b/1.JPG",
        "a/deep/3.webp",
        "0.png",
        "notes.txt",
        ".hidden/4.png",
        "b/.5.png",
        "c/none.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    folder = list_images(tmp_path)
    assert folder.names == ("0.png", "a/deep/3.webp", "b/1.JPG", "b/2.png")
    assert (folder.label_names, folder.labels) == (("a", "b"), (-1, 0, 1, 1))


def test_a_limit_is_spread_over_the_classes(tmp_path):
    folder = list_images(save_pictures(tmp_path, 30), limit=6)
    assert len(folder) == 6 and [folder.labels.count(label) for label in range(3)] == [2, 2, 2]
    assert folder.label_names == ("bird", "fish", "tree")
    assert list_images(tmp_path, limit=100).names == list_images(tmp_path).names


def test_the_identity_of_an_image_set_is_of_names_and_contents(tmp_path, vlm, sae):
    root = save_pictures(tmp_path, 6)

    def identity(**arguments) -> str:
        result = sweep(vlm, sae, root, progress=False, **arguments)
        assert result.statistics.image_set_id == result.references.image_set_id == result.metrics.image_set_id
        return result.statistics.image_set_id

    whole = identity(batch_size=1)
    expected = hashlib.sha256()
    for name in list_images(root).names:
        expected.update(name.encode() + b"\0" + hashlib.sha256((root / name).read_bytes()).digest())
    assert whole == identity(batch_size=5) == expected.hexdigest()
    assert identity(limit=3) != whole
    (root / "bird" / "000.png").rename(root / "bird" / "000b.png")
    assert identity() != whole


# Ctrl-C


class InterruptingVlm:
    """A VLM during whose nth look at a batch the user presses Ctrl-C some times."""

    def __init__(self, vlm: Vlm, at: int, times: int) -> None:
        self._vlm, self._left, self._times = vlm, at, times

    def __getattr__(self, name: str):
        return getattr(self._vlm, name)

    def features(self, pixel_values: torch.Tensor, hook: str) -> torch.Tensor:
        self._left -= 1
        if self._left == 0:
            for _ in range(self._times):
                signal.raise_signal(signal.SIGINT)
        return self._vlm.features(pixel_values, hook)


def test_an_interrupted_sweep_is_what_was_seen_until_then(tmp_path, vlm, sae):
    root = save_pictures(tmp_path / "pictures", 20)
    dictionary_info(vlm, sae)  # measures the hook's width once, which is also a look
    handler = signal.getsignal(signal.SIGINT)
    result = sweep(InterruptingVlm(vlm, at=3, times=1), sae, root, batch_size=1, progress=False)
    assert not result.statistics.complete and 0 < result.statistics.n_images < 20
    names = list_images(root).names[: result.statistics.n_images]
    assert_equals_dense(result, Dense(vlm, sae, root, names), names, [name.split("/")[0] for name in names])
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_interrupt_leaves_nothing(tmp_path, vlm, sae):
    root = save_pictures(tmp_path / "pictures", 6)
    spool = tmp_path / "spool"
    spool.mkdir()
    dictionary_info(vlm, sae)
    with pytest.raises(KeyboardInterrupt):
        sweep(InterruptingVlm(vlm, at=2, times=2), sae, root, batch_size=1, progress=False, spool_directory=spool)
    assert list(spool.iterdir()) == []


def test_a_spool_directory_that_is_not_there(tmp_path, vlm, sae):
    with pytest.raises(ScratchpadError, match="TMPDIR"):
        sweep(vlm, sae, save_pictures(tmp_path / "p", 1), progress=False, spool_directory=tmp_path / "nowhere")
