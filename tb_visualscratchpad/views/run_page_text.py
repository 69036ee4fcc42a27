"""Numbers, moments and tokens of a run's page as text, escaped where they come from the log."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from datetime import datetime, timezone


def escaped(value: object) -> str:
    return html.escape(str(value), quote=True)


def token_text(text: str) -> str:
    """What stands for a token: never nothing, without the tokenizer's sign for a blank."""
    bare = re.sub("^[\u2581\u0120 ]+", "", text).rstrip(" ")
    if not bare:
        return "\u2423" if text else "\u2205"
    shown = bare.replace("\r\n", "\u23ce").replace("\n", "\u23ce").replace("\u010a", "\u23ce").replace("\t", "\u21e5")
    return re.sub(
        "[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ud800-\udfff]", lambda found: f"<U+{ord(found.group()):04X}>", shown
    )


def share_text(value: float) -> str:
    percent = 100 * value
    if percent >= 99.5 and percent < 99.95 or 0.995 <= percent < 9.95:
        return f"{percent:.1f} %"
    return f"{percent:.0f} %" if percent >= 9.95 or percent == 0 else "under 0.01 %" if percent < 0.005 else f"{percent:.2f} %"


def number_text(value: float, digits: int = 2) -> str:
    shown = f"{value:.{digits}f}"
    return shown.replace("-", "" if float(shown) == 0 else "\u2212")


def moment_text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def policy_hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") + "'"
