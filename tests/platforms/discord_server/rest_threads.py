"""Threads over REST: opened, joined, and who takes part."""

from __future__ import annotations

from dataclasses import dataclass

from tests.platforms.discord_server.errors import ApiError, missing_permissions, unknown
from tests.platforms.discord_server.permissions import Permission, may
from tests.platforms.discord_server.rest import Answer, Call, Route
from tests.platforms.discord_server.rest_messages import require, visible_channel
from tests.platforms.discord_server.state import FORUM, PRIVATE_THREAD, PUBLIC_THREAD, Channel
from tests.platforms.discord_server.wire import channel_json, thread_member_json
from tests.platforms.discord_server.world import World

LONGEST_NAME = 100
_MEMBERS = "/channels/{channel}/thread-members"


@dataclass(frozen=True, slots=True)
class ThreadRoutes:
    """What the bot does with threads."""

    world: World

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("POST", "/channels/{channel}/threads", self.make),
            Route("POST", "/channels/{channel}/messages/{message}/threads", self.make),
            Route("PUT", _MEMBERS + "/@me", self.join),
            Route("DELETE", _MEMBERS + "/@me", self.leave),
            Route("GET", _MEMBERS + "/{user}", self.member),
            Route("GET", _MEMBERS, self.members),
        ]

    async def make(self, call: Call) -> Answer:
        """Open a thread, under a message or not."""
        parent, bot = visible_channel(self.world, call.id("channel")), self.world.bot
        if parent.guild is None or parent.is_thread or parent.kind == FORUM:
            raise ApiError(400, 50024, "Cannot execute action on this channel type")
        on_message = "message" in call.request.match_info
        kind = PUBLIC_THREAD if on_message else call.body.fields.get("type", PRIVATE_THREAD)
        private = kind == PRIVATE_THREAD
        wanted = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
        require(self.world, parent, wanted)
        key = call.id("message") if on_message else self.world.ids.make()
        if on_message and key not in parent.messages:
            raise unknown("Message")
        if on_message and key in self.world.channels:
            raise ApiError(400, 160004, "A thread has already been created for this message")
        name = call.body.fields["name"]
        if not 1 <= len(name) <= LONGEST_NAME:
            raise ApiError(400, 50035, "Invalid Form Body")
        thread = Channel(key, kind, name, parent.guild, parent, owner=bot, thread_members={bot.id})
        return channel_json(self.world.add_channel(thread), bot)

    async def join(self, call: Call) -> Answer:
        """Take part in a thread."""
        thread = self._thread(call)
        if thread.is_private_thread and not may(thread, self.world.bot, Permission.MANAGE_THREADS):
            raise missing_permissions()
        self.world.join_thread(thread, self.world.bot)

    async def leave(self, call: Call) -> Answer:
        """Take part no more."""
        self._thread(call).thread_members.discard(self.world.bot.id)

    async def member(self, call: Call) -> Answer:
        """That one user takes part, or that they do not."""
        thread = self._thread(call)
        user = self.world.users.get(call.id("user"))
        if user is None or user.id not in thread.thread_members:
            raise unknown("Member")
        return thread_member_json(thread, user)

    async def members(self, call: Call) -> Answer:
        """All who take part."""
        thread = self._thread(call)
        users = [self.world.users[key] for key in sorted(thread.thread_members)]
        return [thread_member_json(thread, user) for user in users]

    def _thread(self, call: Call) -> Channel:
        thread = visible_channel(self.world, call.id("channel"))
        if not thread.is_thread:
            raise ApiError(400, 50024, "Cannot execute action on this channel type")
        return thread
