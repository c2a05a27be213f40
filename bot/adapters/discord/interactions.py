"""Interactions that can still be answered, and the messages that only they can change."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import discord

from core.events import ConversationRef, InteractionRef, Platform

LIFE_SECONDS: Final = 14.5 * 60
"""Discord takes answers for 15 minutes; the rest is left for the request under way."""
_MOST: Final = 5000
_T = TypeVar("_T")


@dataclass(slots=True)
class Held:
    """An interaction that has been acknowledged."""

    interaction: discord.Interaction
    conversation: ConversationRef
    private: bool
    """Only the one who asked or pressed sees the answers."""
    ends: float
    awaited: bool
    """Discord shows "thinking": the first answer takes that place."""

    @property
    def user_id(self) -> int:
        """Who asked or pressed."""
        return self.interaction.user.id


@dataclass(frozen=True, slots=True)
class Route:
    """How a message of ours is changed: by the interaction it came from, as long as that lives."""

    held: Held
    message: str
    """Its id, or "@original"."""


class Interactions:
    """Keeps the latest few thousand; what is forgotten is answered by ordinary messages."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._routes: OrderedDict[str, Route] = OrderedDict()

    def keep(
        self,
        interaction: discord.Interaction,
        conversation: ConversationRef,
        *,
        kind: Literal["command", "press"],
        private: bool,
    ) -> InteractionRef:
        """Take an interaction that was acknowledged a moment ago."""
        ends = self._clock() + LIFE_SECONDS
        awaited = kind == "command"
        held = Held(interaction, conversation, private, ends, awaited)
        _put(self._held, str(interaction.id), held)
        if kind == "press" and private and interaction.message is not None:
            # A message that one person alone sees has no other address than this press.
            self.remember(str(interaction.message.id), Route(held, "@original"))
        return InteractionRef(Platform.DISCORD, str(interaction.id))

    def held(self, ref: InteractionRef) -> Held | None:
        """What is kept under a key, also past its life."""
        return self._held.get(ref.key)

    def lives(self, held: Held) -> bool:
        """Whether Discord still takes answers to it."""
        return self._clock() < held.ends

    def remember(self, message_id: str, route: Route) -> None:
        """A message came from an interaction."""
        _put(self._routes, message_id, route)

    def route(self, message_id: str) -> Route | None:
        """The interaction that a message came from, also past its life."""
        return self._routes.get(message_id)


def _put(kept: OrderedDict[str, _T], key: str, value: _T) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > _MOST:
        kept.popitem(last=False)
