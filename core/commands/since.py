"""Points in time as people type them: a date, or how long ago. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from core.errors import WrongTimeError

_SPAN: Final = re.compile(
    r"(\d{1,4})\s*(hours?|days?|weeks?|h|d|w|个?小时|天|日|个?星期|周)", re.IGNORECASE
)
_HOURS: Final = {"h": 1, "小": 1, "d": 24, "天": 24, "日": 24, "w": 168, "周": 168, "星": 168}


def since(text: str, now: datetime) -> datetime:
    """2026-05-01, 24h, 7d, 2 weeks, 3天. Raises `WrongTimeError`.

    A date without a time begins at midnight UTC.
    """
    text = text.strip()
    span = _SPAN.fullmatch(text)
    if span is not None:
        unit = span[2].removeprefix("个")[0].lower()
        return now - timedelta(hours=int(span[1]) * _HOURS[unit])
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise WrongTimeError(text) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
