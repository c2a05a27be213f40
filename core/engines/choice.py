"""Which engine answers in which channel, among those the operator allows."""

from __future__ import annotations

from collections.abc import Mapping

from core.engines.queued import QueuedEngine
from core.errors import NoSuchEngineError
from core.events import ChannelRef


class EngineChoice:
    """Engines by the name that `/model` takes, and what each channel picked among them.

    `quoting` needs no model: it serves where the chosen one cannot.
    """

    def __init__(
        self, engines: Mapping[str, QueuedEngine], default: str, quoting: QueuedEngine
    ) -> None:
        self._engines = dict(engines)
        self._default = default
        self._picked: dict[ChannelRef, str] = {}
        self.quoting = quoting

    @property
    def names(self) -> tuple[str, ...]:
        """The default first."""
        others = (name for name in self._engines if name != self._default)
        return self._default, *others

    def name_for(self, channel: ChannelRef) -> str:
        """The name of the engine that answers in a channel."""
        return self._picked.get(channel, self._default)

    def of(self, channel: ChannelRef) -> QueuedEngine:
        """The engine that answers in a channel."""
        return self._engines[self.name_for(channel)]

    def pick(self, channel: ChannelRef, name: str) -> None:
        """Let this engine answer there from now on; raises `NoSuchEngineError`."""
        known = {own.casefold(): own for own in self._engines}
        if name.casefold() not in known:
            raise NoSuchEngineError(name, self.names)
        self._picked[channel] = known[name.casefold()]
