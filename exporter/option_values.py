"""Values of the command line's options, told to be wrong by the parser."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A whole number from 1 on, as argparse's ``type``.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        number = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from error
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number
