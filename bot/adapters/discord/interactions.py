"""Interactions that can still be answered, and the messages that only they can change."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias, TypeVar

import discord

from core.events import ChannelRef, ConversationRef, InteractionRef, Platform

LIFE_SECONDS: Final = 14.5 * 60
"""Discord takes answers for 15 minutes; the rest is left for the request under way."""
Kind: TypeAlias = Literal["command", "press", "late"]
_MOST: Final = 5000
_NOWHERE: Final = ConversationRef(ChannelRef(Platform.DISCORD, "0"))
_T = TypeVar("_T")


@dataclass(slots=True)
class Held:
    """An interaction that has been acknowledged."""

    application_id: int
    token: str
    user_id: int
    """Who asked or pressed."""
    conversation: ConversationRef
    private: bool
    """Only the one who asked or pressed sees the answers."""
    ends: float
    awaited: bool
    """Discord shows "thinking": the first answer takes that place."""


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
        kind: Kind,
        private: bool,
    ) -> InteractionRef:
        """Take an interaction that was acknowledged a moment ago, or "late": too late for that.

        Its key is all that another run needs to answer it, as long as Discord takes answers.
        """
        application_id, user_id = interaction.application_id, interaction.user.id
        ends = self._clock() + (0 if kind == "late" else LIFE_SECONDS)
        held = Held(
            application_id,
            interaction.token,
            user_id,
            conversation,
            private,
            ends,
            awaited=kind == "command",
        )
        key = f"{kind}.{interaction.id}.{application_id}.{user_id}.{interaction.token}"
        _put(self._held, key, held)
        if kind == "press" and private and interaction.message is not None:
            # A message that one person alone sees has no other address than this press.
            self.remember(str(interaction.message.id), Route(held, "@original"))
        return InteractionRef(Platform.DISCORD, key, private)

    def held(self, ref: InteractionRef) -> Held | None:
        """What a key stands for, also past its life; None: nothing of ours."""
        known = self._held.get(ref.key)
        if known is None and (known := self._of_an_earlier_run(ref)) is not None:
            _put(self._held, ref.key, known)
        return known

    def _of_an_earlier_run(self, ref: InteractionRef) -> Held | None:
        try:
            kind, interaction_id, application_id, user_id, token = ref.key.split(".", 4)
            age = datetime.now(UTC) - discord.utils.snowflake_time(int(interaction_id))
            return Held(
                int(application_id),
                token,
                int(user_id),
                _NOWHERE,
                ref.is_private,
                self._clock() + (0 if kind == "late" else LIFE_SECONDS - age.total_seconds()),
                # What an earlier run has said in its place is said anew there.
                awaited=kind == "command",
            )
        except ValueError:
            return None

    def lives(self, held: Held) -> bool:
        """Whether Discord still takes answers to it."""
        return self._clock() < held.ends

    def end(self, held: Held) -> None:
        """Discord has said that it takes no more."""
        held.ends = self._clock()

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
