"""The errors that a user can act on."""

from __future__ import annotations


class ScratchpadError(Exception):
    """Something the user can put right.

    The message says what was given, what was expected and what to do next. Everything that is not a ``ScratchpadError`` is
    a defect of this project. The command line prints the message alone; the plugin answers HTTP 400 with it.
    """


class EvidenceNotFound(ScratchpadError):
    """Evidence that was asked for is not in the log directory. The plugin answers HTTP 404."""


class UnreadableEvidence(ScratchpadError):
    """Evidence is there but cannot be read: truncated, altered, or written by a newer schema. HTTP 422."""
