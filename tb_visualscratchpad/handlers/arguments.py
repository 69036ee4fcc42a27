"""The arguments of a request, read one by one; what cannot be read is answered with a sentence."""

from __future__ import annotations

import math

from tensorboard import plugin_util
from werkzeug.wrappers import Request

from tb_visualscratchpad.views.patches import ViewChoice, view_choice
from tb_visualscratchpad.views.thresholds import Thresholds
from tb_visualscratchpad.views.token_rows import row_choice
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import RowChoice

MAX_TOKENS = 32
"""So many are taken together at most."""


class Arguments:
    """The query of one request.

    Every method raises ScratchpadError (HTTP 400) with what was given and what is expected. An empty value counts as
    absent.
    """

    def __init__(self, request: Request) -> None:
        self._query = request.args
        self.environ = request.environ
        self.path: str = request.path
        self.experiment: str = plugin_util.experiment_id(request.environ)

    def text(self, name: str) -> str:
        """A word that must be given."""
        value = self._query.get(name, "")
        if not value:
            raise ScratchpadError(f"The argument '{name}' is missing: add '{name}=...' to the address.")
        return value

    def texts(self, name: str) -> list[str]:
        """Words that may be given any number of times, in their order."""
        return self._query.getlist(name)

    def integer(self, name: str) -> int:
        """A whole number that must be given."""
        return _integer(name, self.text(name))

    def integers(self, name: str) -> tuple[int, ...]:
        """Whole numbers with dots between, at least one."""
        return tuple(_integer(name, part) for part in self.text(name).split("."))

    def optional_integers(self, name: str) -> tuple[int, ...]:
        """As ``integers``; none when absent."""
        return self.integers(name) if self._query.get(name, "") else ()

    def optional_integer(self, name: str) -> int | None:
        value = self._query.get(name, "")
        return _integer(name, value) if value else None

    def optional_number(self, name: str) -> float | None:
        """A finite number, or None when absent."""
        value = self._query.get(name, "")
        if not value:
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ScratchpadError(f"{name} '{value}' was given, expected is a number such as 0.5.")
        return number

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of a few words; the first when absent."""
        value = self._query.get(name, "") or choices[0]
        if value not in choices:
            raise ScratchpadError(f"{name} '{value}' is unknown: choose one of {', '.join(choices)}.")
        return value

    @property
    def tokens(self) -> tuple[int, ...]:
        """``tokens``, each once, as given; where it is absent, ``token`` alone."""
        if not self._query.get("tokens", ""):
            return (self.integer("token"),)
        tokens = tuple(dict.fromkeys(self.integers("tokens")))
        if len(tokens) > MAX_TOKENS:
            raise ScratchpadError(f"tokens names {len(tokens)} tokens, at most {MAX_TOKENS} are taken together: choose fewer.")
        return tokens

    @property
    def several_tokens(self) -> tuple[int, ...]:
        """``tokens``, none where it is absent."""
        return self.tokens if self._query.get("tokens", "") else ()

    @property
    def with_sinks(self) -> bool:
        """Sinks count; False where ``sinks=0``."""
        return self.choice("sinks", ("1", "0")) == "1"

    @property
    def layers(self) -> tuple[int, ...] | None:
        """Sorted layer numbers, None for all."""
        value = self._query.get("layers", "") or "all"
        if value == "all":
            return None
        return tuple(sorted({_integer("layers", part) for part in value.split(",")}))

    @property
    def row(self) -> RowChoice:
        return row_choice(self._query.get("row", "") or RowChoice.PRODUCING)

    @property
    def view(self) -> ViewChoice:
        return view_choice(self._query.get("view", "") or ViewChoice.BOTH)

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.optional_number("max_frequency"), self.optional_number("min_mean"))


def _integer(name: str, value: str) -> int:
    # int() also takes '1_0' and digits of other scripts: an address has one way to say a number.
    if not (value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 18):
        raise ScratchpadError(f"{name} '{value}' was given, expected is a whole number such as 3.")
    return int(value)
