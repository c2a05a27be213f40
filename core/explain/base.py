"""What explains an error, and what its sentences share."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import singledispatch

from core.inert import inert
from core.language import Words


@singledispatch
def explain(_error: Exception, _: Words) -> str | None:
    """The sentence for an expected error; None for one that nobody expected."""
    return None


def says(sentence: str) -> Callable[[Exception, Words], str]:
    """The sentence of a class that needs no more than itself."""
    return lambda _error, _: _(sentence)


def near(names: tuple[str, ...], _: Words) -> str:
    """A list of names for a person, at most three."""
    return _(", ").join(inert(name) for name in names[:3])


def duration(seconds: float, _: Words) -> str:
    """A time for a person, rounded up."""
    if seconds <= 90:
        whole = max(1, math.ceil(seconds))
        return _.plural("{count} second", "{count} seconds", whole)
    if seconds <= 90 * 60:
        return _.plural("{count} minute", "{count} minutes", math.ceil(seconds / 60))
    return _.plural("{count} hour", "{count} hours", math.ceil(seconds / 3600))
