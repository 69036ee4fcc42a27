"""The share dialog: what the link holds, and what it says where it cannot hold it all."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

SHARED = """async ([n, gap, keeps]) => {
    const { Store } = await import('/store.js'); const { NamedValues } = await import('/named_values.js'); await import('/panels/share_panel.js');
    const held = new Map(); const storage = { getItem: (key) => held.get(key) ?? null, setItem: (key, value) => held.set(key, value) };
    const address = { read: () => ({}), write() {}, link: (parameters) => `http://here/#${new URLSearchParams(parameters)}` };
    const store = new Store(address, new NamedValues(keeps ? storage : null));
    store.set({ latents: Array.from({ length: n }, (_, i) => gap * i) });
    const panel = document.createElement('vs-share'); panel.store = store; document.body.append(panel);
    store.setSession({ sheet: 'share' }); await panel.updateComplete;
    const sheet = panel.querySelector('vs-sheet'); await sheet.updateComplete; await sheet.querySelector('vs-copied').updateComplete;
    const found = { text: sheet.textContent.replace(/\\s+/g, ' '), link: sheet.querySelector('input').value,
      inLink: sheet.querySelector('[data-value=in-link]')?.textContent ?? null, here: sheet.querySelector('[data-value=kept-here]') !== null };
    panel.remove(); return found; }"""


@pytest.mark.parametrize(("n", "gap"), [(3, 1), (600, 109), (7000, 4)])
def test_a_selection_within_the_bound_is_in_the_link(page: Page, n: int, gap: int) -> None:
    found = page.evaluate(SHARED, [n, gap, True])
    assert found["inLink"] == f"all {n:,} chosen latents are in it" and not found["here"]
    assert len(found["link"]) < 6100 and "latents-" not in found["link"]
    assert "in any browser" in found["text"]


def test_a_selection_beyond_the_bound_is_said_to_stay_here(page: Page) -> None:
    found = page.evaluate(SHARED, [20_000, 3, True])
    assert found["inLink"] is None and found["here"]
    assert "over 6,000 characters" in found["text"] and "kept in this browser alone" in found["text"]
    assert len(found["link"]) < 100
    nowhere = page.evaluate(SHARED, [20_000, 3, False])
    assert not nowhere["here"] and "this browser keeps nothing: the latents are left out" in nowhere["text"]
    assert "latents" not in nowhere["link"]
