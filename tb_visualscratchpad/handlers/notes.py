"""Notes on latents and kept selections: reading them, and one small change at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tb_visualscratchpad.action_guard import ActionGuard
from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.action_endpoint import Outcome, action
from tb_visualscratchpad.handlers.answers import Answer, json_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.notes_document import KeptSelection, LatentNote, Notes, latent_number, no_notes
from tb_visualscratchpad.notes_store import NotesConflict, NotesStore
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError, UnreadableEvidence

MAX_CHANGE = 1 << 20
MAX_IMPORT = 8 << 20
_EXPERIMENT = ""
"""Actions are not asked per experiment: a local TensorBoard has one."""


class NotesHandlers:
    """The notes of the dictionaries in the log."""

    def __init__(self, store: EventStore, notes: NotesStore, guard: RequestGuard, actions: ActionGuard) -> None:
        self._store = store
        self._notes = notes
        self.guard = guard
        self.actions = actions

    @endpoint
    def notes(self, arguments: Arguments) -> Answer:
        """``notes``"""
        dictionary_id = arguments.text("dictionary")
        self._n_latents(arguments.experiment, dictionary_id)
        reason = self.actions.why_off or self._notes.why_not_writable()
        try:
            found = self._notes.read(dictionary_id)
        except UnreadableEvidence as error:
            found, reason = no_notes(dictionary_id), str(error)
        content = {"where": "log" if reason is None else "browser", "reason": reason, "file": self._notes.name_of_file(dictionary_id)}
        return json_answer({**found.as_json(), **content})

    @action(MAX_CHANGE, "application/json")
    def latent(self, body: bytes, content_type: str) -> Outcome:
        """``notes/latent``"""
        asked = _object(body, {"dictionary", "latent"}, {"name", "note", "pinned", "was"})
        dictionary_id, n_latents = self._dictionary(asked)
        latent = latent_number(asked["latent"], n_latents)
        was = asked.get("was", {})
        if not isinstance(was, dict):
            raise ScratchpadError(f"was {was!r:.60} was given, expected is an object with the texts that were changed.")
        patch = {key: asked[key] for key in ("name", "note", "pinned") if key in asked}

        def alter(notes: Notes) -> Notes:
            before = notes.latents.get(latent, LatentNote())
            for key in ("name", "note"):
                if key in patch and key in was and getattr(before, key) not in (was[key], patch[key]):
                    raise NotesConflict(
                        f"Somebody else changed the {key} of latent {latent} meanwhile, to {getattr(before, key)!r:.200}: it is shown now. Change it again if yours shall stand."
                    )
            after = replace(before, **patch, changed=_later(before.changed))
            latents = {number: note for number, note in notes.latents.items() if number != latent}
            return replace(notes, latents=latents if after.is_empty else {**latents, latent: after})

        LatentNote(**patch)  # what cannot be kept is refused before anything is read
        after = self._notes.change(dictionary_id, alter)
        return json_answer({"latent": latent, **after.latents.get(latent, LatentNote(changed=time.time())).as_json()})

    @action(MAX_CHANGE, "application/json")
    def selection(self, body: bytes, content_type: str) -> Outcome:
        """``notes/selection``"""
        asked = _object(body, {"dictionary", "name"}, {"latents", "to", "remove"})
        dictionary_id, _ = self._dictionary(asked)
        name = asked["name"]
        if not isinstance(name, str):
            raise ScratchpadError(f"name {name!r:.60} was given, expected is a text.")
        if len(asked.keys() & {"latents", "to", "remove"}) != 1:
            raise ScratchpadError("Expected is one of 'latents' (keep them), 'to' (another name) and 'remove'.")
        # what cannot be kept is refused before anything is read
        new = KeptSelection(asked.get("to", name), asked.get("latents", "0"), time.time())

        def alter(notes: Notes) -> Notes:
            kept = dict(notes.selections)
            if "latents" in asked:
                _refuse_taken(kept, name)
                kept[name] = new
            elif name not in kept:
                raise EvidenceNotFound(f"No selection {name!r:.80} is kept for this dictionary: it was removed or renamed meanwhile.")
            elif "to" in asked:
                renamed = replace(new, latents=kept[name].latents)
                _refuse_taken({other: one for other, one in kept.items() if other != name}, renamed.name)
                kept = {(renamed.name if other == name else other): (renamed if other == name else one) for other, one in kept.items()}
            else:
                del kept[name]
            return replace(notes, selections=kept)

        return json_answer({"selections": [one.as_json() for one in self._notes.change(dictionary_id, alter).selections.values()]})

    @action(MAX_IMPORT, "application/json")
    def take(self, body: bytes, content_type: str) -> Outcome:
        """``notes/import``"""
        asked = _object(body, {"dictionary"}, {"latents", "selections"})
        dictionary_id, n_latents = self._dictionary(asked)
        latents, selections = asked.get("latents", {}), asked.get("selections", [])
        if not isinstance(latents, dict) or not isinstance(selections, list):
            raise ScratchpadError("Expected are 'latents', an object of notes by latent, and 'selections', a list.")
        given = {latent_number(key, n_latents): _made(LatentNote, value) for key, value in latents.items()}
        kept = [_made(KeptSelection, value) for value in selections]

        def alter(notes: Notes) -> Notes:
            newer = {latent: note for latent, note in given.items() if latent not in notes.latents or note.changed >= notes.latents[latent].changed}
            merged = {latent: note for latent, note in {**notes.latents, **newer}.items() if not note.is_empty}
            held = dict(notes.selections)
            for one in kept:
                held.setdefault(one.name, one)
            return replace(notes, latents=merged, selections=held)

        return json_answer(self._notes.change(dictionary_id, alter).as_json())

    def _dictionary(self, asked: Mapping[str, Any]) -> tuple[str, int]:
        dictionary_id = asked["dictionary"]
        if not isinstance(dictionary_id, str):
            raise ScratchpadError(f"dictionary {dictionary_id!r:.60} was given, expected is a dictionary's id.")
        return dictionary_id, self._n_latents(_EXPERIMENT, dictionary_id)

    def _n_latents(self, experiment: str, dictionary_id: str) -> int:
        """How many latents a dictionary of the log has.

        Raises:
            EvidenceNotFound: the log knows no such dictionary, so nothing is written about it.
        """
        found = self._store.listing(experiment)
        infos = [entry.info for entry in found.dictionaries] + [entry.dictionary for entry in found.vlm_runs]
        for info in infos:
            if info.dictionary_id == dictionary_id:
                return info.n_latents
        raise EvidenceNotFound(f"The log has no dictionary {dictionary_id!r:.80}: reload, and choose one that is there.")


def _object(body: bytes, needed: set[str], optional: set[str]) -> dict[str, Any]:
    try:
        read = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ScratchpadError(f"The body is no JSON ({error}): expected is an object with {', '.join(sorted(needed))}.") from error
    if not isinstance(read, dict):
        raise ScratchpadError(f"The body is no JSON object: expected is one with {', '.join(sorted(needed))}.")
    missing, unknown = needed - read.keys(), read.keys() - needed - optional
    if missing or unknown:
        what = f"{', '.join(sorted(missing))} is missing" if missing else f"{', '.join(sorted(unknown))} is unknown"
        raise ScratchpadError(f"{what}: expected are {', '.join(sorted(needed))}, and may be {', '.join(sorted(optional))}.")
    return read


def _made(kind: type[LatentNote] | type[KeptSelection], value: object) -> Any:
    fields = kind.__dataclass_fields__.keys()
    if not isinstance(value, dict) or value.keys() - fields:
        raise ScratchpadError(f"{value!r:.60} was given, expected is an object of {', '.join(fields)}.")
    try:
        return kind(**value)
    except TypeError as error:
        raise ScratchpadError(f"{value!r:.60} was given, expected is an object of {', '.join(fields)}.") from error


def _refuse_taken(kept: Mapping[str, KeptSelection], name: str) -> None:
    if name in kept:
        raise NotesConflict(f"“{name}” is kept already: choose another name, or remove that one first.")


def _later(before: float) -> float:
    """Now, and after what was before even where two machines' clocks differ."""
    return max(time.time(), before + 1e-3)
