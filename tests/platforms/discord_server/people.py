"""What people do in the client: they write, edit, delete, open threads."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.platforms.discord_server.permissions import Permission, may, permissions_in
from tests.platforms.discord_server.state import (
    DEFAULT,
    FORUM,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    REPLY,
    THREAD_MADE,
    Channel,
    Message,
    StoredFile,
    User,
)
from tests.platforms.discord_server.world import World


class NotPossibleError(AssertionError):
    """The client would not let this person do that: the test asks for something wrong."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody attaches."""

    name: str
    data: bytes
    content_type: str | None = None
    declared_size: int | None = None
    """A size to tell other than the true one."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account and what it does; the same in all servers and in private."""

    user: User
    world: World

    @property
    def id(self) -> int:
        """The identifier."""
        return self.user.id

    @property
    def name(self) -> str:
        """The display name."""
        return self.user.name

    @property
    def mention(self) -> str:
        """What a message holds to mention this person."""
        return self.user.mention

    @property
    def direct(self) -> Channel:
        """The private chat with the bot."""
        return self.world.direct_channel(self.user)

    def stored(self, file: File, channel: Channel) -> StoredFile:
        """Upload a file."""
        guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        stored = StoredFile(
            self.world.ids.make(),
            file.name,
            file.data,
            file.content_type or guessed,
            channel_id=channel.id,
            declared_size=file.declared_size,
        )
        self.world.files[stored.id] = stored
        return stored

    async def say(  # noqa: PLR0913 (all that a message can be)
        self,
        where: Channel,
        text: str = "",
        *,
        files: Sequence[File] = (),
        reply_to: Message | None = None,
        ping: bool = True,
        sent_at: datetime | None = None,
        kind: int | None = None,
    ) -> Message:
        """Write a message; a reply pings the author of the message it answers, unless told not to.

        `sent_at` dates it back; `kind` makes it one of Discord's own (7: somebody joined).
        """
        self._check_may_write(where)
        message = Message(
            self.world.ids.make(sent_at),
            where,
            self.user,
            content=text,
            kind=(REPLY if reply_to else DEFAULT) if kind is None else kind,
            files=[self.stored(file, where) for file in files],
            reply_to=reply_to,
        )
        message.mentions = self.world.mentions_of(message, None, reply_pings=ping)
        if where.is_thread:
            where.archived = False
            self.world.join_thread(where, self.user)
            for user in message.mentions.users:
                # Whoever is mentioned in a thread is added to it, if they see its parent.
                if where.parent and permissions_in(where.parent, user):
                    self.world.join_thread(where, user)
        return self.world.post(message)

    async def edit(self, message: Message, text: str) -> None:
        """Edit an own message."""
        if message.author is not self.user or message.deleted:
            raise NotPossibleError(f"{self.name} cannot edit that message")
        message.content = text
        message.mentions = self.world.mentions_of(message, None, reply_pings=True)
        self.world.revise(message)

    async def delete(self, message: Message) -> None:
        """Delete an own message, or another's with the permission."""
        own = message.author is self.user
        if message.deleted or not (
            own or may(message.channel, self.user, Permission.MANAGE_MESSAGES)
        ):
            raise NotPossibleError(f"{self.name} cannot delete that message")
        self.world.remove(message)

    async def thread(
        self, channel: Channel, name: str, *, private: bool = False, message: Message | None = None
    ) -> Channel:
        """Open a thread in a channel, or under one of its messages."""
        wanted = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
        if not may(channel, self.user, wanted | Permission.VIEW_CHANNEL):
            raise NotPossibleError(f"{self.name} cannot open that thread")
        kind = PRIVATE_THREAD if private else PUBLIC_THREAD
        made = self._thread(channel, name, kind, message.id if message else None)
        if message is None and not private:
            notice = Message(made.id, channel, self.user, content=name, kind=THREAD_MADE)
            self.world.post(notice)
        return made

    async def start_post(self, forum: Channel, title: str, text: str, **more) -> Message:
        """Start a post in a forum; its thread is the channel of the message."""
        if forum.kind != FORUM or not may(forum, self.user, Permission.SEND_MESSAGES):
            raise NotPossibleError(f"{self.name} cannot post there")
        made = self._thread(forum, title, PUBLIC_THREAD, None)
        files = [self.stored(file, made) for file in more.pop("files", ())]
        message = Message(made.id, made, self.user, content=text, files=files)
        message.mentions = self.world.mentions_of(message, None, reply_pings=False)
        return self.world.post(message)

    def _thread(self, parent: Channel, name: str, kind: int, key: int | None) -> Channel:
        number = self.world.ids.make() if key is None else key
        made = Channel(number, kind, name, parent.guild, parent, owner=self.user)
        made.thread_members.add(self.id)
        return self.world.add_channel(made)

    async def invite(self, thread: Channel, *others: Person) -> None:
        """Add people to a thread."""
        for each in others:
            self.world.join_thread(thread, each.user)

    def _check_may_write(self, where: Channel) -> None:
        wanted = Permission.VIEW_CHANNEL
        if not where.is_direct:
            threads = Permission.SEND_MESSAGES_IN_THREADS
            wanted |= threads if where.is_thread else Permission.SEND_MESSAGES
        if where.deleted or where.kind == FORUM or not may(where, self.user, wanted):
            raise NotPossibleError(f"{self.name} cannot write in {where.name or where.id}")
