"""The list of the map's clusters, against a walk over the latents."""

from __future__ import annotations

import math

import numpy as np
from playwright.sync_api import Page

LISTED = """async ([cluster, alive, names, arrays]) => { const { mapClusters } = await import('/panels/latents/map_clusters.js');
    const data = { cluster: Int32Array.from(cluster), alive: alive && Uint8Array.from(alive), names };
    const statistics = arrays && { arrays: { flags: Uint8Array.from(arrays.flags), label_entropy: Float32Array.from(arrays.label_entropy),
        top_label: Int32Array.from(arrays.top_label), top_label_share: Float32Array.from(arrays.top_label_share) } };
    return mapClusters(data, statistics); }"""


def _lower(k: int, n: int) -> float:
    """Wilson's lower end as the smaller root of (p - k/n)^2 = z^2 p (1 - p) / n."""
    z2, share = 1.959963984540054**2, k / n
    a, b, c = 1 + z2 / n, -(2 * share + z2 / n), share * share
    return max(0.0, (-b - math.sqrt(max(0.0, b * b - 4 * a * c))) / (2 * a))


def test_clusters_are_as_by_walking(page: Page) -> None:
    rng = np.random.default_rng(5)
    n, names = 400, ["bird", "fish", "tree"]
    cluster, alive = rng.integers(-1, 14, n), rng.random(n) < 0.8
    defined = alive & (rng.random(n) < 0.7)
    entropy, label, share = rng.random(n) * 2, rng.integers(-1, 3, n), rng.random(n)
    arrays = {
        "flags": (alive + 2 * defined).tolist(), "label_entropy": entropy.tolist(), "top_label": label.tolist(), "top_label_share": share.tolist(),
    }
    found = page.evaluate(LISTED, [cluster.tolist(), alive.astype(int).tolist(), names, arrays])
    assert {one["cluster"] for one in found} == {c for c in cluster.tolist() if c >= 0}
    for one in found:
        members = [i for i in range(n) if cluster[i] == one["cluster"] and alive[i]]
        assert one["latents"] == members
        speak = [sum(label[i] == which and np.float32(share[i]) >= 0.45 for i in members) for which in range(3)]
        assert one["name"] == names[int(np.argmax(speak))] and one["purity"] == max(speak) / len(members)
        known = [float(np.float32(entropy[i])) for i in members if defined[i]]
        assert abs(one["entropy"] - sum(known) / len(known)) < 1e-6
        assert abs(one["meaning"] - _lower(max(speak), len(members))) < 1e-9
    keys = [(-one["meaning"], -len(one["latents"]), one["cluster"]) for one in found]
    assert keys == sorted(keys)


def test_without_labels_or_statistics_the_largest_come_first(page: Page) -> None:
    found = page.evaluate(LISTED, [[0, 1, 1, -1, 2, 2, 2], None, [], None])
    assert [(one["cluster"], one["name"], one["purity"], one["entropy"]) for one in found] == [(2, "", 0, None), (1, "", 0, None), (0, "", 0, None)]
    assert page.evaluate(LISTED, [[-1, -1], None, [], None]) == []


def test_the_clusters_offered_first_are_those_of_the_list_that_say_something(page: Page) -> None:
    telling = LISTED.replace("mapClusters }", "tellingClusters }").replace("map_clusters.js", "first_clusters.js").replace("mapClusters(", "tellingClusters(")
    seen = set()
    for seed in range(8):
        rng = np.random.default_rng(seed)
        n, labels = int(rng.integers(1, 90)), 2 if seed % 2 else 12
        arrays = {
            "flags": [3] * n, "label_entropy": [0.0] * n, "top_label": rng.integers(-1, labels, n).tolist(), "top_label_share": [1.0] * n,
        }
        given = [rng.integers(-1, 9, n).tolist(), None, [str(k) for k in range(labels)], arrays]
        listed, found = page.evaluate(LISTED, given), page.evaluate(telling, given)
        assert found == [one for one in listed if len(one["latents"]) >= 3 and one["purity"] >= 0.5]
        seen.add(bool(found))
    assert seen == {True, False}, "both with and without a cluster to offer"
