"""Servers as tests build and change them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.platforms.discord_server.gateway import Gateway
from tests.platforms.discord_server.permissions import EVERYONE, NONE, Permission
from tests.platforms.discord_server.state import (
    FORUM,
    TEXT,
    Channel,
    Guild,
    Json,
    Member,
    Overwrite,
    Role,
    User,
)
from tests.platforms.discord_server.wire import member_json, role_json, user_json
from tests.platforms.discord_server.world import ALWAYS, GUILDS, MEMBERS, Event, World

if TYPE_CHECKING:
    from tests.platforms.discord_server.people import Person


@dataclass(frozen=True, slots=True)
class Server:
    """One server; every change is told to the bot as Discord would tell it."""

    guild: Guild
    world: World
    gateway: Gateway

    @property
    def id(self) -> int:
        """The identifier."""
        return self.guild.id

    def channel(
        self,
        name: str,
        *,
        kind: int = TEXT,
        topic: str | None = None,
        only_for: Iterable[Person | Role | User] = (),
    ) -> Channel:
        """A new channel; `only_for`: nobody else sees it (the bot too must be named)."""
        made = Channel(self.world.ids.make(), kind, name, self.guild, topic=topic)
        made.position = len(self.guild.channels)
        if seers := list(only_for):
            view = Permission.VIEW_CHANNEL
            made.overwrites[self.guild.everyone.id] = Overwrite(True, NONE, view)
            for each in seers:
                made.overwrites[each.id] = Overwrite(isinstance(each, Role), view, NONE)
        return self.world.add_channel(made)

    def forum(self, name: str, *tags: str) -> Channel:
        """A new forum, with what its posts can be tagged with."""
        made = self.channel(name, kind=FORUM)
        made.tags = {self.world.ids.make(): tag for tag in tags}
        if tags:
            self.world.update_channel(made)
        return made

    def lock(self, thread: Channel) -> None:
        """Let nobody but moderators write in a thread."""
        thread.locked = True
        self.world.update_channel(thread)

    def rename(self, channel: Channel, name: str) -> None:
        """Give a channel or thread another name."""
        channel.name = name
        self.world.update_channel(channel)

    def delete(self, channel: Channel) -> None:
        """Delete a channel or thread."""
        self.world.remove_channel(channel)

    def archive(self, thread: Channel) -> None:
        """Archive a thread."""
        thread.archived = True
        self.world.update_channel(thread)

    def overwrite(
        self,
        channel: Channel,
        target: Person | Role | User,
        *,
        allow: Permission = NONE,
        deny: Permission = NONE,
    ) -> None:
        """Set what a channel allows and denies; neither: take the overwrite away."""
        if allow or deny:
            channel.overwrites[target.id] = Overwrite(isinstance(target, Role), allow, deny)
        else:
            channel.overwrites.pop(target.id, None)
        self.world.update_channel(channel)

    def role(self, name: str, permissions: Permission = NONE, *, mentionable: bool = True) -> Role:
        """A new role."""
        place = len(self.guild.roles)
        role = Role(self.world.ids.make(), name, permissions, place, mentionable=mentionable)
        self.guild.roles[role.id] = role
        self._tell("GUILD_ROLE_CREATE", {"role": role_json(role)}, GUILDS)
        return role

    def set_permissions(self, role: Role, permissions: Permission) -> None:
        """Change what a role may do."""
        role.permissions = permissions
        self._tell("GUILD_ROLE_UPDATE", {"role": role_json(role)}, GUILDS)

    def join(self, person: Person, *roles: Role) -> Person:
        """A person comes in."""
        member = Member(person.user, list(roles))
        self.guild.members[person.id] = member
        self._tell("GUILD_MEMBER_ADD", member_json(member), MEMBERS)
        return person

    def kick(self, person: Person) -> None:
        """A person is out."""
        del self.guild.members[person.id]
        self._tell("GUILD_MEMBER_REMOVE", {"user": user_json(person.user)}, MEMBERS)

    def set_roles(self, person: Person, *roles: Role) -> None:
        """Give a person these roles and no others."""
        member = self.guild.members[person.id]
        member.roles = list(roles)
        intent = ALWAYS if person.user is self.world.bot else MEMBERS
        self._tell("GUILD_MEMBER_UPDATE", member_json(member), intent)

    @property
    def everyone(self) -> Role:
        """The role that all members have."""
        return self.guild.everyone

    @property
    def bot_role(self) -> Role:
        """The role that Discord made for the bot."""
        return next(role for role in self.guild.roles.values() if role.bot is self.world.bot)

    def add_bot(self, permissions: Permission = EVERYONE, by: Person | None = None) -> None:
        """Somebody adds the bot, the owner unless it is said who."""
        bot = self.world.bot
        self.guild.bot_added_by = self.guild.owner if by is None else by.user
        role = Role(self.world.ids.make(), bot.name, permissions, len(self.guild.roles), bot=bot)
        self.guild.roles[role.id] = role
        self.guild.members[bot.id] = Member(bot, [role])
        self.gateway.guild_added(self.guild)
        self.world.changed()

    def remove_bot(self) -> None:
        """Somebody puts the bot out."""
        self.gateway.guild_left(self.guild)

    @property
    def has_bot(self) -> bool:
        """Whether the bot is in."""
        return self.world.bot_is_in(self.guild)

    def _tell(self, name: str, data: Json, intent: int) -> None:
        told = {"guild_id": str(self.guild.id), **data}
        if self.has_bot:
            self.world.publish(Event(name, intent, self.guild, lambda _: told))
        self.world.changed()
