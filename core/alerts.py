"""What the owners are told by direct message: once of each trouble, and once that it is over."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from core.language import Words
from core.meters import (
    Delivered,
    FirstWord,
    Generated,
    JobEnded,
    Learnt,
    Measured,
    Replied,
    Searched,
)

LOOK_SECONDS: Final = 15.0
"""How often `Alerts.look` is to be called."""
SETTLING_SECONDS: Final = 60.0
"""How long it must go well before it counts as over: what comes and goes is one trouble."""
FAILURES: Final = 3
"""In a row: one request that fails says little about an engine."""
_BROKEN: Final = frozenset(
    {"engine_unavailable", "engine_timeout", "engine_broke_off", "engine_access"}
)
"""How requests end where the engine is to blame, and not the question or a limit."""
_LEAST_FREE: Final = 1 << 30
_LEAST_PART: Final = 0.03

_log = logging.getLogger(__name__)


class Trouble(StrEnum):
    """What can be wrong, as the metrics name it."""

    DISK = "disk"
    ENGINE = "engine"
    EMBEDDER = "embedder"
    SURFACE = "surface"
    BACKUP = "backup"
    JOB = "job"


_PATIENCE: Final = {
    Trouble.DISK: 0.0,
    Trouble.ENGINE: 0.0,
    Trouble.EMBEDDER: 0.0,
    # Connections end, and are there again: discord.py resumes within seconds.
    Trouble.SURFACE: 120.0,
    Trouble.BACKUP: 0.0,
    Trouble.JOB: 0.0,
}
"""Seconds for which it must be wrong before it is told."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is wrong with whom: an engine's name, a platform's; empty where there is just one."""

    trouble: Trouble
    name: str = ""


class _Case:
    """One subject over time."""

    def __init__(self) -> None:
        self.well = True
        self.since = 0.0
        self.detail = ""
        self.told = False


class Alerts:
    """Remembers what is wrong, and tells it when it has lasted. Kept in memory: after a restart,
    what is still wrong is told again."""

    def __init__(
        self,
        tell: Callable[[str], Awaitable[bool]],
        words: Words,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell` says whether anybody was reached; if not, it is tried again at the next look."""
        self._tell = tell
        self._words = words
        self._clock = clock
        self._cases: dict[Subject, _Case] = {}

    def observe(self, subject: Subject, *, well: bool, detail: str = "") -> None:
        """How it stands now; `detail` is shown with the trouble. Returns at once."""
        case = self._cases.get(subject)
        if case is None:
            if well:
                return
            case = self._cases[subject] = _Case()
        if well != case.well:
            case.well, case.since = well, self._clock()
        case.detail = detail or case.detail

    @property
    def standing(self) -> frozenset[Subject]:
        """What is wrong and has lasted, whether or not somebody could be told."""
        return frozenset(one for one, case in self._cases.items() if self._is_wrong(one, case))

    async def look(self) -> None:
        """Tell what has lasted, and what is over."""
        for subject, case in list(self._cases.items()):
            wrong = self._is_wrong(subject, case)
            if wrong and not case.told:
                case.told = await self._say(self._trouble(subject, case.detail), subject)
            elif not wrong and case.well:
                if case.told and not await self._say(self._recovery(subject), subject):
                    continue
                del self._cases[subject]

    def _is_wrong(self, subject: Subject, case: _Case) -> bool:
        """Wrong long enough, or well not long enough to count as over."""
        lasted = self._clock() - case.since
        if case.well:
            return case.told and lasted < SETTLING_SECONDS
        return case.told or lasted >= _PATIENCE[subject.trouble]

    async def _say(self, text: str, subject: Subject) -> bool:
        reached = await self._tell(text)
        if not reached:
            _log.info("no owner was told of a trouble: %s %s", subject.trouble.value, subject.name)
        return reached

    def _trouble(self, subject: Subject, detail: str) -> str:
        _, name = self._words, subject.name
        match subject.trouble:
            case Trouble.DISK:
                return _(
                    "⚠️ The disk with my data is nearly full: {free} left. When it is full, nothing "
                    "new can be stored.", free=detail,
                )  # fmt: skip
            case Trouble.ENGINE:
                return _(
                    "⚠️ The model {engine} does not answer. Until it does, others stand in, or I "
                    "quote from the documents.", engine=name,
                )  # fmt: skip
            case Trouble.EMBEDDER:
                return _(
                    "⚠️ The embedding model does not serve: I search by words alone, and what is "
                    "uploaded may be refused."
                )
            case Trouble.SURFACE:
                return _("⚠️ I am not connected to {platform}: {state}.", platform=name,
                         state=detail)  # fmt: skip
            case Trouble.BACKUP:
                return _("⚠️ The last backup failed: {reason}.", reason=detail)
            case Trouble.JOB:
                return _(
                    "⚠️ The job {job} failed: {reason}. `/jobs` lists how all of them stand.",
                    job=name, reason=detail,
                )  # fmt: skip
            case _:
                assert_never(subject.trouble)

    def _recovery(self, subject: Subject) -> str:
        _, name = self._words, subject.name
        match subject.trouble:
            case Trouble.DISK:
                return _("✅ The disk with my data has room again.")
            case Trouble.ENGINE:
                return _("✅ The model {engine} answers again.", engine=name)
            case Trouble.EMBEDDER:
                return _("✅ The embedding model serves again.")
            case Trouble.SURFACE:
                return _("✅ I am connected to {platform} again.", platform=name)
            case Trouble.BACKUP:
                return _("✅ A backup succeeded again.")
            case Trouble.JOB:
                return _("✅ The job {job} succeeded again.", job=name)
            case _:
                assert_never(subject.trouble)


class Overhearing:
    """Hears of engines and embedder in what is measured: whoever asks them tries them."""

    def __init__(self, alerts: Alerts, *, embeds: bool) -> None:
        """`embeds`: an embedder is configured, so searching by words alone is a trouble."""
        self._alerts = alerts
        self._embeds = embeds
        self._failures: Counter[Subject] = Counter()

    def note(self, measured: Measured) -> None:
        match measured:
            case Generated(engine, code=code):
                if code in _BROKEN or not code:
                    self._count(Subject(Trouble.ENGINE, engine), failed=bool(code))
            case Searched(by_words_alone=alone):
                if self._embeds:
                    self._count(Subject(Trouble.EMBEDDER), failed=alone)
            case Replied() | FirstWord() | Learnt() | Delivered() | JobEnded():
                pass
            case _:
                assert_never(measured)

    def _count(self, subject: Subject, *, failed: bool) -> None:
        self._failures[subject] = self._failures[subject] + 1 if failed else 0
        if not failed or self._failures[subject] >= FAILURES:
            self._alerts.observe(subject, well=not failed)


def has_room(free: int, total: int, *, had_room: bool) -> bool:
    """Whether a disk has room, in bytes; once it has not, twice as much must be free again."""
    times = 1 if had_room else 2
    return free >= times * min(_LEAST_FREE, _LEAST_PART * total)
