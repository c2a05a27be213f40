"""How much one member may take of what everybody shares. Pure: what was used, and what it is now.

Windows slide: what was used leaves one by one, so nobody waits for midnight, or gains by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from core.settings import LimitSettings

Budget: TypeAlias = Literal["questions", "daily_questions", "daily_uploads", "daily_upload_mb"]

DAY: Final = 86_400.0
MEGABYTE: Final = 1 << 20
_NEARLY: Final = 0.1
"""Somebody is told when this share of a budget is left, or one of a small one."""


@dataclass(frozen=True, slots=True)
class Use:
    """One question or file of the last day, the oldest first."""

    at: float
    amount: int = 1
    """Bytes of a file."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not now."""

    budget: Budget
    limit: int
    wait: float
    """Seconds until there is room again."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go on; `nearly` is what is nearly used up after it."""

    nearly: Refused | None = None


Ruling: TypeAlias = "Allowed | Refused"


@dataclass(frozen=True, slots=True)
class _Limit:
    budget: Budget
    most: int
    """As it is told; 0: none."""
    seconds: float
    unit: int = 1

    def ruling(self, used: Sequence[Use], size: int, now: float) -> Ruling:
        if not self.most:
            return Allowed()
        within = [use for use in used if use.at > now - self.seconds]
        most = self.most * self.unit
        left = most - sum(use.amount for use in within) - size
        if left < 0:
            return Refused(self.budget, self.most, self._wait(within, -left, now))
        if left < max(size + 1, most * _NEARLY) and within:
            wait = self._wait([*within, Use(now, size)], 1, now)
            return Allowed(Refused(self.budget, self.most, wait))
        return Allowed()

    def _wait(self, within: Sequence[Use], needed: int, now: float) -> float:
        """Until so much has left the window."""
        for use in within:
            needed -= use.amount
            if needed <= 0:
                return max(0.0, use.at + self.seconds - now)
        return self.seconds  # more than the whole window ever holds


def question(used: Sequence[Use], now: float, limits: LimitSettings) -> Ruling:
    """Whether a member who asked so often may ask once more."""
    return _strictest(
        used,
        1,
        now,
        _Limit("questions", limits.questions, limits.question_minutes * 60),
        _Limit("daily_questions", limits.daily_questions, DAY),
    )


def upload(used: Sequence[Use], size: int, now: float, limits: LimitSettings) -> Ruling:
    """Whether a member who added these files may add one of that size."""
    counted = [Use(use.at) for use in used]
    files = _Limit("daily_uploads", limits.daily_uploads, DAY).ruling(counted, 1, now)
    if isinstance(files, Refused):
        return files
    megabytes = _Limit("daily_upload_mb", limits.daily_upload_mb, DAY, MEGABYTE)
    told = megabytes.ruling(used, size, now)
    return told if isinstance(told, Refused) or told.nearly else files


def _strictest(used: Sequence[Use], size: int, now: float, *limits: _Limit) -> Ruling:
    rulings = [limit.ruling(used, size, now) for limit in limits]
    refused = [ruling for ruling in rulings if isinstance(ruling, Refused)]
    if refused:
        return max(refused, key=lambda one: one.wait)
    nearly = [one.nearly for one in rulings if isinstance(one, Allowed) and one.nearly]
    return Allowed(max(nearly, key=lambda one: one.wait)) if nearly else Allowed()
