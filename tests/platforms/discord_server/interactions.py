"""Interactions: opened by people, answered by the bot in time, once, and then by their token."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

from tests.platforms.discord_server.bodies import MAX_FILE_BYTES
from tests.platforms.discord_server.permissions import permissions_in
from tests.platforms.discord_server.state import Channel, Json, Message, User
from tests.platforms.discord_server.wire import channel_json, member_json, message_json, user_json
from tests.platforms.discord_server.world import ALWAYS, Event, World

COMMAND, COMPONENT, AUTOCOMPLETE, SUBMIT = 2, 3, 4, 5
SHOW, THINK, LATER, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9


@dataclass(eq=False, slots=True)
class Interaction:
    """One interaction and what became of it."""

    id: int
    token: str
    kind: int
    user: User
    channel: Channel
    data: Json
    opened_at: float
    source: Message | None = None
    """The message whose component was used, or whose modal was submitted."""
    response: int | None = None
    original: Message | None = None
    follow_ups: list[Message] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None
    failed: bool = False
    """Nothing came in time: the client says that the application did not respond."""

    @property
    def settled(self) -> bool:
        """Whether the person sees how it went: an answer, more than that the bot is thinking."""
        if self.failed:
            return True
        if self.response == THINK:
            original = self.original
            return original is None or original.deleted or not original.is_loading
        return self.response is not None

    def message(self, key: str) -> Message | None:
        """One of its messages, by identifier or as @original."""
        if key == "@original":
            return self.source if self.response in (LATER, UPDATE) else self.original
        mine = [self.original, self.source, *self.follow_ups]
        return next((each for each in mine if each is not None and str(each.id) == key), None)


@dataclass
class Interactions:
    """All interactions since the start."""

    world: World
    answer_within: float = 3.0
    """Seconds in which the first answer must come."""
    token_lasts: float = 900.0
    """Seconds in which the token is good for further answers."""
    opened: dict[str, Interaction] = field(default_factory=dict)
    """By token."""

    def now(self) -> float:
        """The clock of the deadlines."""
        return asyncio.get_running_loop().time()

    def open(
        self, user: User, channel: Channel, kind: int, data: Json, source: Message | None = None
    ) -> Interaction:
        """Tell the bot of an interaction; its deadline runs."""
        made = Interaction(
            self.world.ids.make(),
            secrets.token_urlsafe(60),
            kind,
            user,
            channel,
            data,
            self.now(),
            source,
        )
        self.opened[made.token] = made
        told = self._payload(made)
        self.world.publish(Event("INTERACTION_CREATE", ALWAYS, channel.guild, lambda _: told))

        def expire() -> None:
            made.failed = made.response is None
            self.world.changed()

        asyncio.get_running_loop().call_later(self.answer_within, expire)
        return made

    def is_late(self, interaction: Interaction) -> bool:
        """Whether the time for a first answer is over."""
        return self.now() - interaction.opened_at >= self.answer_within

    def is_spent(self, interaction: Interaction) -> bool:
        """Whether the token is good no more."""
        return self.now() - interaction.opened_at >= self.token_lasts

    def _payload(self, interaction: Interaction) -> Json:
        world, channel, guild = self.world, interaction.channel, interaction.channel.guild
        permissions = permissions_in(channel, interaction.user)
        place = channel_json(channel, world.bot) | {"permissions": str(int(permissions))}
        told: Json = {
            "id": str(interaction.id),
            "application_id": str(world.bot.id),
            "type": interaction.kind,
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel": place,
            "channel_id": str(channel.id),
            "locale": interaction.user.locale,
            "app_permissions": str(int(permissions_in(channel, world.bot))),
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": {"0": str(guild.id) if guild else "0"},
            "attachment_size_limit": MAX_FILE_BYTES,
            "context": 0 if guild else 1,
        }
        if interaction.source is not None:
            told["message"] = message_json(interaction.source, world.reader())
        if guild is None:
            return told | {"user": user_json(interaction.user)}
        member = member_json(guild.members[interaction.user.id])
        return told | {
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
            "guild_locale": guild.locale,
            "member": member | {"permissions": str(int(permissions))},
        }
