"""Whether the program serves: what orchestrators ask before they send somebody here."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Its way through life."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


class Health:
    """Alive is whoever answers at all; ready is between the ready line and the first signal."""

    def __init__(self) -> None:
        self.state = State.STARTING

    @property
    def is_ready(self) -> bool:
        return self.state is State.READY
