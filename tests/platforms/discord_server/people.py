"""What people do in the client: they write, edit, delete, open threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.platforms.discord_server.client import Choice, Client, Shown
from tests.platforms.discord_server.filling import File, NotPossibleError, stored
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
    User,
)
from tests.platforms.discord_server.world import World


@dataclass(frozen=True, slots=True)
class Person:
    """An account and what it does; the same in all servers and in private."""

    user: User
    world: World
    client: Client

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
            files=[stored(self.world, file, where) for file in files],
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
        quoted = message.reply_to
        pinged = quoted is not None and quoted.author in message.mentions.users
        message.mentions = self.world.mentions_of(message, None, reply_pings=pinged)
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
        files = [stored(self.world, file, made) for file in more.pop("files", ())]
        message = Message(made.id, made, self.user, content=text, files=files)
        message.mentions = self.world.mentions_of(message, None, reply_pings=False)
        return self.world.post(message)

    def _thread(self, parent: Channel, name: str, kind: int, key: int | None) -> Channel:
        number = self.world.ids.make() if key is None else key
        made = Channel(number, kind, name, parent.guild, parent, owner=self.user)
        made.thread_members.add(self.id)
        return self.world.add_channel(made)

    async def tag(self, post: Channel, *names: str) -> None:
        """Tag a post with what its forum offers, and with nothing else."""
        assert post.parent is not None
        known = {name: key for key, name in post.parent.tags.items()}
        if post.owner is not self.user and not may(post, self.user, Permission.MANAGE_THREADS):
            raise NotPossibleError(f"{self.name} cannot tag that post")
        post.applied = [known[name] for name in names]
        self.world.update_channel(post)

    async def invite(self, thread: Channel, *others: Person) -> None:
        """Add people to a thread."""
        for each in others:
            self.world.join_thread(thread, each.user)

    async def slash(self, where: Channel, line: str, /, **options: object) -> Shown:
        """Run a slash command ("kb list") and see what is shown."""
        return await self.client.slash(self.user, where, line, options)

    async def complete(
        self, where: Channel, line: str, option: str, typed: str, /, **options: object
    ) -> list[Choice]:
        """What is offered while an option is half typed."""
        return await self.client.complete(self.user, where, line, (option, typed), options)

    def offered(self, where: Channel) -> list[str]:
        """The slash commands that this person sees offered."""
        return self.client.offered(self.user, where)

    async def menu(self, message: Message, name: str) -> Shown:
        """Use a command from the menu of a message."""
        return await self.client.menu(self.user, message, name)

    async def press(self, message: Message, which: str) -> Shown:
        """Press a button, named by label or identifier."""
        return await self.client.press(self.user, message, which)

    async def choose(self, message: Message, which: str, *values: str) -> Shown:
        """Choose from a select, named by placeholder or identifier, by labels or values."""
        return await self.client.choose(self.user, message, which, list(values))

    async def submit(self, shown: Shown, values: Mapping[str, object]) -> Shown:
        """Fill in and send the modal that opened; values by label or identifier."""
        return await self.client.submit(self.user, shown, values)

    def _check_may_write(self, where: Channel) -> None:
        wanted = Permission.VIEW_CHANNEL
        if not where.is_direct:
            threads = Permission.SEND_MESSAGES_IN_THREADS
            wanted |= threads if where.is_thread else Permission.SEND_MESSAGES
        if where.deleted or where.kind == FORUM or not may(where, self.user, wanted):
            raise NotPossibleError(f"{self.name} cannot write in {where.name or where.id}")
