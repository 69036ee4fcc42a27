"""The address as the selection is written to it and read from it: going back while a write is due."""

from __future__ import annotations

from playwright.sync_api import Page

GO_BACK = """async () => {
    const { Address } = await import('/host.js');
    const due = [];
    const timer = window.setTimeout;
    window.setTimeout = (call, ...more) => { due.push(call); return timer(() => {}, ...more); };
    const address = new Address(window);
    const heard = [];
    address.onChange(() => heard.push(location.hash));
    address.write({ token: '1' }, true);
    address.write({ token: '2' }, true);
    address.write({ token: '2', map: 'a' });
    address.write({ token: '2', map: 'b' });
    window.setTimeout = timer;
    const waits = due.length;
    // the address is the former one already, and the browser runs the timer before it tells of the fragment
    window.addEventListener('popstate', () => due.forEach((call) => call()), { once: true });
    const heardOf = (event) => new Promise((resolve) => window.addEventListener(event, () => resolve(location.hash), { once: true }));
    let changed = heardOf('hashchange');
    history.back();
    const back = await changed;
    changed = heardOf('hashchange');
    history.forward();
    return { waits, back, forward: await changed, heard };
}"""


def test_a_write_that_is_due_does_not_undo_going_back(page: Page) -> None:
    """A write waits for its pace; the user goes back before it is made."""
    one, two = "#p.visualscratchpad.token=1", "#p.visualscratchpad.token=2&p.visualscratchpad.map=a"
    assert page.evaluate(GO_BACK) == {"waits": 1, "back": one, "forward": two, "heard": [one, two]}
