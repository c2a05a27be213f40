"""Which engine answers, among those the operator allows, and who stands in for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.distance import EnginePlace, is_within
from core.engines.queue import Load
from core.engines.queued import QueuedEngine
from core.errors import EngineTooFarError, NoSuchEngineError
from core.meters import Meters


@dataclass(frozen=True, slots=True)
class Course:
    """Who answers a question: the first one; where that fails, the next. At least one."""

    engines: tuple[QueuedEngine, ...]
    too_far: QueuedEngine | None = None
    """The one that was chosen, where it is further out than the question may go."""

    @property
    def first(self) -> QueuedEngine:
        return self.engines[0]


class EngineChoice:
    """Engines by the name that `/model` takes; channels keep in their settings what they picked.

    `quoting` needs no model: it serves where no other can.
    """

    def __init__(
        self,
        engines: Mapping[str, QueuedEngine],
        default: str,
        quoting: QueuedEngine,
        *,
        hidden: frozenset[str] = frozenset(),
        fallbacks: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`hidden`: who cannot be picked, only stand in. `fallbacks`: who stands in for whom."""
        self._engines = dict(engines)
        self._default = default
        self._offered = [name for name in engines if name not in hidden or name == default]
        self._known = {name.casefold(): name for name in self._offered}
        self._fallbacks = fallbacks or {}
        self.quoting = quoting

    @property
    def names(self) -> tuple[str, ...]:
        """What can be picked, the default first."""
        others = (name for name in self._offered if name != self._default)
        return self._default, *others

    def names_within(self, limit: EnginePlace) -> tuple[str, ...]:
        """What can be picked where nothing may go further out."""
        return tuple(n for n in self.names if is_within(self._engines[n].place, limit))

    def name_for(self, picked: str | None = None, limit: EnginePlace = "outside") -> str:
        """The name of the engine that answers where this one was picked.

        One that is not offered any more gives way to the default, one that is too far out to
        whoever stands in for it.
        """
        first = self.course(picked, limit).first
        return next((n for n, own in self._engines.items() if own is first), first.engine.name)

    def metered(self, meters: Meters) -> None:
        """Have every request noted."""
        for served in {*self._engines.values(), self.quoting}:
            served.meters = meters

    @property
    def loads(self) -> dict[str, Load]:
        """What each engine's queue holds at this moment, by the engine's name."""
        return {name: served.queue.load for name, served in self._engines.items()}

    def of(self, picked: str | None = None, limit: EnginePlace = "outside") -> QueuedEngine:
        """The engine that answers where this one was picked and nothing may go further out."""
        return self.course(picked, limit).first

    def course(self, picked: str | None = None, limit: EnginePlace = "outside") -> Course:
        """The engine that was picked, then who stands in for it; none further out than `limit`."""
        name = self._known.get(picked.casefold(), self._default) if picked else self._default
        chosen = self._engines[name]
        line = [chosen, *(self._engines[own] for own in self._fallbacks.get(name, ()))]
        within = tuple(one for one in line if is_within(one.place, limit))
        return Course(
            tuple(dict.fromkeys(within)) or (self.quoting,),
            None if is_within(chosen.place, limit) else chosen,
        )

    def known(self, name: str, limit: EnginePlace = "outside") -> str:
        """The name as it is kept; raises `NoSuchEngineError` and `EngineTooFarError`."""
        if name.casefold() not in self._known:
            raise NoSuchEngineError(name, self.names_within(limit))
        known = self._known[name.casefold()]
        place = self._engines[known].place
        if not is_within(place, limit):
            raise EngineTooFarError(known, place)
        return known
