"""A mark for functions that must not run on an event loop's thread."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class OnEventLoopError(RuntimeError):
    """A blocking function was called where it would have stopped an event loop."""


def blocking(function: Callable[P, R]) -> Callable[P, R]:
    """Refuse with `OnEventLoopError` when called on a thread whose event loop is running."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return function(*args, **kwargs)
        raise OnEventLoopError(function.__qualname__)

    return guarded
