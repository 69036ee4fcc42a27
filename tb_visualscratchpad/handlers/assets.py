"""The tab's own files."""

from __future__ import annotations

from pathlib import Path

from tb_visualscratchpad.handlers.answers import Answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import PublicFilesGuard
from tb_visualscratchpad.wire.errors import EvidenceNotFound

CONTENT_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
"""What is served; everything else in the folder (licences, notes) is not."""

_PREFIX = "/static/"


class AssetHandlers:
    """Files under one folder, and nothing outside it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self.guard = PublicFilesGuard()

    @endpoint
    def asset(self, arguments: Arguments) -> Answer:
        """``static/*``"""
        _, _, name = arguments.path.partition(_PREFIX)
        content_type = CONTENT_TYPES.get(Path(name).suffix)
        path = self._inside(name)
        if content_type is None or path is None:
            raise EvidenceNotFound(f"There is no file '{name}' in the tab: reload the page, or install the plugin anew.")
        return Answer(path.read_bytes(), content_type, cacheable=True)

    def _inside(self, name: str) -> Path | None:
        """The file of that name; None when it is not a file under the folder, also after following links."""
        if "\0" in name or "\\" in name or name.startswith("/"):
            return None
        path = (self._root / name).resolve()
        return path if path.is_relative_to(self._root) and path.is_file() else None
