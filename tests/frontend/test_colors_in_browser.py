"""Colour tables: lightness runs one way, ends stand out from the card, kinds can be told apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from playwright.sync_api import Page

THEMES = ("light", "dark")


def _luminance(rgb: np.ndarray) -> np.ndarray:
    """Relative luminance (WCAG 2) of sRGB colours [..., 3] in 0...255."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def _contrast(a: np.ndarray, b: np.ndarray) -> float:
    high, low = sorted((float(_luminance(a)), float(_luminance(b))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _rgb(text: str) -> np.ndarray:
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


@pytest.mark.parametrize("theme", THEMES)
def test_sequential_table_is_monotone_and_leaves_the_card(page: Page, theme: str) -> None:
    table, panel = page.evaluate(
        """async (theme) => { const { sequentialTable } = await import('/color/sequential.js');
        const { TOKENS } = await import('/color/tokens.js'); return [Array.from(sequentialTable(theme)), TOKENS[theme].panel]; }""",
        theme,
    )
    colors = np.array(table, dtype=float).reshape(256, 3)
    steps = np.diff(_luminance(colors))
    assert np.all(steps <= 1e-4) if theme == "light" else np.all(steps >= -1e-4)
    assert _contrast(colors[0], _rgb(panel)) < 1.2, "zero must sink into the card"
    assert _contrast(colors[255], _rgb(panel)) > 7, "one must stand out of it"


@pytest.mark.parametrize("theme", THEMES)
def test_texts_can_be_read_on_every_ground(page: Page, theme: str) -> None:
    tokens = page.evaluate("async (theme) => (await import('/color/tokens.js')).TOKENS[theme]", theme)
    for ink, ground in itertools.product(("ink", "ink2", "ink3"), ("ground", "panel", "sunken")):
        assert _contrast(_rgb(tokens[ink]), _rgb(tokens[ground])) > 4.3, (ink, ground)
    assert _contrast(_rgb(tokens["accentInk"]), _rgb(tokens["accent"])) > 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_clusters_take_hues_in_turn_and_small_ones_stay_grey(page: Page, theme: str) -> None:
    kinds = [("cluster", 9), ("all words", 20), ("cluster", 2), ("cluster", 5), ("cluster", 4), ("cluster", 8)]
    clusters = [{"kind": kind, "count": count} for kind, count in kinds]
    colors = page.evaluate(
        "async ([clusters, theme]) => (await import('/color/categories.js')).clusterColors(clusters, theme)", [clusters, theme]
    )
    hues = [colors[0], colors[3], colors[4], colors[5]]
    assert len(set(hues)) == 4
    for grey in (colors[1], colors[2]):
        assert np.ptp(_rgb(grey)) < 20
    for hue in hues:
        assert np.ptp(_rgb(hue)) > 60


def test_the_largest_clusters_have_a_hue_of_their_own_and_neighbours_differ(page: Page) -> None:
    counts = [5, 40, 6, 4, 7, 30, 2, 5, 28, 6, 5, 25, 4, 8]
    clusters = [{"kind": "cluster", "count": count} for count in counts]
    colors = page.evaluate("async (clusters) => (await import('/color/categories.js')).clusterColors(clusters, 'light')", clusters)
    assert len({colors[counts.index(count)] for count in (40, 30, 28, 25)}) == 4
    colored = [color for color, count in zip(colors, counts, strict=True) if count >= 4]
    assert all(a != b for a, b in itertools.pairwise(colored)), "of those with a hue, none has that of the one beside it"
