"""When a job is due: cron as people write it, in a time zone, with both switches of its clocks.

Five fields (minute, hour, day, month, weekday), or six with seconds first. Weekdays count from
Sunday, which is 0 and 7. Where day and weekday are both given, either will do. A time that the
clocks leave out is kept an hour later; one that they show twice is kept at its first coming, except
where every hour is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.language import Later

Next: TypeAlias = Callable[[datetime], datetime | None]

_FIELDS: Final = ("second", "minute", "hour", "day", "month")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_TICK: Final = timedelta(seconds=1)
_NEAR: Final = timedelta(hours=3)
"""Further than clocks are put forward or back."""


class Cron:
    """A schedule; knows nothing of what ran before.

    apscheduler finds the times on a wall whose clock never changes: where it does, that leaves some
    out (a midnight that is skipped) and keeps others twice. What they mean is settled here.
    """

    def __init__(self, walls: Sequence[Next], zone: tzinfo, *, is_hourly: bool) -> None:
        """Each of `walls` gives the first time on the wall from a given one on."""
        self._walls = walls
        self._zone = zone
        self._is_hourly = is_hourly

    @classmethod
    def parse(cls, text: str, zone: tzinfo) -> Cron:
        """Raises `ValueError` with what is wrong: said `Later` where it is ours to say."""
        from apscheduler.triggers.cron import CronTrigger

        fields = _NAMES.get(text.strip().lower(), text).lower().split()
        if len(fields) == len(_FIELDS):
            fields = ["0", *fields]
        if len(fields) != len(_FIELDS) + 1:
            raise ValueError(
                Later('must read like "30 3 * * *": minute, hour, day, month, weekday')
            )
        *times, weekday = fields
        values = dict(zip(_FIELDS, times, strict=True))
        days = weekdays(weekday)
        choices = [{**values, "day_of_week": days}]
        if not (values["day"].startswith("*") or weekday.startswith("*")):
            choices = [{**values, "day_of_week": "*"}, {**values, "day": "*", "day_of_week": days}]

        def on_the_wall(trigger: CronTrigger) -> Next:
            def first(wall: datetime) -> datetime | None:
                found = trigger.get_next_fire_time(None, wall.replace(tzinfo=UTC))
                return None if found is None else found.replace(tzinfo=None)

            return first

        walls = [on_the_wall(CronTrigger(**chosen, timezone=UTC)) for chosen in choices]
        made = cls(walls, zone, is_hourly=values["hour"] == "*")
        if made.next_after(datetime.now(UTC)) is None:
            raise ValueError(Later("names a day that never comes"))
        return made

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after that moment, in UTC; None: there is none any more."""
        moment = moment.astimezone(UTC).replace(microsecond=0)
        found = [self._next(first, moment) for first in self._walls]
        return min((one for one in found if one is not None), default=None)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """What apscheduler asks of a trigger; what was missed in between is left out."""
        return self.next_after(now if previous is None else max(previous, now))

    def _next(self, first: Next, moment: datetime) -> datetime | None:
        wall = moment.astimezone(self._zone).replace(tzinfo=None)
        found = first(wall + _TICK)
        if found is None:
            return None
        change = self._offset(found + _NEAR) - self._offset(wall - _NEAR)
        if not change:
            return self._moments(found)[0]
        # The clocks change in between: earlier times on the wall may still come, or come again.
        best, last, found = None, found, first(wall - abs(change))
        while found is not None and (best is None or found <= last + abs(change)):
            for own in self._moments(found):
                if own > moment and (best is None or own < best):
                    best, last = own, found
            found = first(found + _TICK)
        return best

    def _moments(self, wall: datetime) -> list[datetime]:
        """When the wall shows it: once, unless every hour is meant. What it leaves out comes when
        it would have, had the clocks not changed."""
        coming = [wall.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        return coming if self._is_hourly and coming[0] < coming[1] else coming[:1]

    def _offset(self, wall: datetime) -> timedelta:
        return wall.replace(tzinfo=self._zone).utcoffset() or timedelta()


def weekdays(field: str) -> str:
    """The field as names, since numbers mean other days to other programs: "5-7" is "fri,sat,sun".

    Raises `ValueError`.
    """
    chosen: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        begin, dash, end = span.partition("-")
        first, last = (0, 6) if span == "*" else (_day(begin), _day(end if dash else begin))
        if step and (not step.isdecimal() or int(step) < 1 or not (end or span == "*")):
            raise ValueError(Later('"{part}" is no step of weekdays', part=part))
        if last < first:
            last += 7
        chosen |= {day % 7 for day in range(first, last + 1, int(step or 1))}
    return "*" if len(chosen) == len(_DAYS) else ",".join(_DAYS[day] for day in sorted(chosen))


def zone_named(name: str) -> tzinfo:
    """A time zone by its name, such as "Asia/Shanghai"; empty: this machine's.

    Raises `ValueError`.
    """
    if not name:
        from tzlocal import get_localzone

        try:
            return get_localzone()
        except (LookupError, ValueError, OSError):
            return UTC  # The machine does not know it itself.
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(Later('must be a time zone such as "Asia/Shanghai" or "UTC"')) from error


def _day(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text.isdecimal() and int(text) <= len(_DAYS):
        return int(text)
    raise ValueError(Later('"{text}" is no weekday: sun to sat, or 0 (Sunday) to 7', text=text))
