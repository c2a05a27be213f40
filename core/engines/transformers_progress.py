"""How far a model has come on its way into memory, from the library's own counting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, TypeAlias

LoadProgress: TypeAlias = Callable[[str, float], None]
"""Told what is being done ("download", "load") and the share of it that is done."""

_loading = threading.Lock()
"""The hook for progress is one for the whole process."""


@contextmanager
def told(progress: LoadProgress) -> Iterator[None]:
    """While the block runs, the library's own counting of tensors is passed on."""
    from transformers.utils import logging as library_logging

    def counted(
        _factory: Callable[..., Any], given: tuple[Any, ...], options: dict[str, Any]
    ) -> _Counted:
        return _Counted(given[0] if given else options.get("iterable", ()), progress)

    with _loading:
        before = library_logging.set_tqdm_hook(counted)
        try:
            progress("load", 0.0)
            yield
            progress("load", 1.0)
        finally:
            library_logging.set_tqdm_hook(before)


class _Counted:
    """What the library iterates over instead of a progress bar; knows no other of its methods."""

    def __init__(self, items: Iterable[Any], progress: LoadProgress) -> None:
        self._items = items
        self._progress = progress

    def __iter__(self) -> Iterator[Any]:
        total = len(self._items) if isinstance(self._items, Sized) else 0
        for done, item in enumerate(self._items):
            if total:
                self._progress("load", done / total)
            yield item

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_given, **_options: None

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *_error: object) -> None:
        """There is no bar to close."""
