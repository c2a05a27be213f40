"""Times as the rows have them: microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """Exact, as floating point would not be."""
    return (at - _EPOCH) // _MICROSECOND


def moment(stored: int) -> datetime:
    """The time that was stored."""
    return _EPOCH + timedelta(microseconds=stored)
