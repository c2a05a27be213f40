"""Which engine answers, among those the operator allows."""

from __future__ import annotations

from collections.abc import Mapping

from core.engines.queued import QueuedEngine
from core.errors import NoSuchEngineError


class EngineChoice:
    """Engines by the name that `/model` takes; channels keep in their settings what they picked.

    `quoting` needs no model: it serves where the chosen one cannot.
    """

    def __init__(
        self, engines: Mapping[str, QueuedEngine], default: str, quoting: QueuedEngine
    ) -> None:
        self._engines = dict(engines)
        self._default = default
        self._known = {name.casefold(): name for name in engines}
        self.quoting = quoting

    @property
    def names(self) -> tuple[str, ...]:
        """The default first."""
        others = (name for name in self._engines if name != self._default)
        return self._default, *others

    def name_for(self, picked: str | None = None) -> str:
        """The name of the engine that answers where this one was picked.

        One that is not offered any more gives way to the default.
        """
        return self._known.get(picked.casefold(), self._default) if picked else self._default

    def of(self, picked: str | None = None) -> QueuedEngine:
        """The engine that answers where this one was picked."""
        return self._engines[self.name_for(picked)]

    def known(self, name: str) -> str:
        """The name as it is kept; raises `NoSuchEngineError`."""
        if name.casefold() not in self._known:
            raise NoSuchEngineError(name, self.names)
        return self._known[name.casefold()]
