"""The version of the schema, borne by every ``plugin_data``, event and sidecar."""

from __future__ import annotations

from tb_visualscratchpad.wire.errors import UnreadableEvidence

SCHEMA_VERSION = 1
"""What this code writes. Raised when an old reader would misread new evidence, not for every added field."""


def require_readable(version: int, what: str) -> None:
    """Refuse what a newer (or no) tb-visualscratchpad wrote; older versions pass.

    Args:
        version: as found.
        what: names the evidence in the message.

    Raises:
        UnreadableEvidence: ``version`` is not 1 to ``SCHEMA_VERSION``.
    """
    if version > SCHEMA_VERSION:
        raise UnreadableEvidence(
            f"{what} was written with schema version {version}, this tb-visualscratchpad reads up to {SCHEMA_VERSION}: "
            "update it (pip install -U tb-visualscratchpad) and start TensorBoard again."
        )
    if version < 1:
        raise UnreadableEvidence(
            f"{what} bears no schema version, so it was not written by tb-visualscratchpad, or it is damaged: log it again."
        )
