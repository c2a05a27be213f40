"""Messages over REST: sent, edited, deleted, read, reacted to; and that the bot types."""

from __future__ import annotations

from dataclasses import dataclass

from tests.platforms.discord_server.composing import apply_edit, compose
from tests.platforms.discord_server.errors import (
    ApiError,
    missing_access,
    missing_permissions,
    unknown,
)
from tests.platforms.discord_server.permissions import Permission, may, permissions_in
from tests.platforms.discord_server.rest import Answer, Call, Route
from tests.platforms.discord_server.state import FORUM, Channel, Message
from tests.platforms.discord_server.wire import message_json
from tests.platforms.discord_server.world import World

_ONE = "/channels/{channel}/messages/{message}"


@dataclass(frozen=True, slots=True)
class MessageRoutes:
    """What the bot does with messages."""

    world: World

    def routes(self) -> list[Route]:
        """All routes, with their buckets."""
        return [
            Route("GET", "/channels/{channel}/messages", self.history),
            Route("POST", "/channels/{channel}/messages", self.create, "messages", "channel"),
            Route("POST", "/channels/{channel}/messages/bulk-delete", self.delete_many),
            Route("GET", _ONE, self.get),
            Route("PATCH", _ONE, self.edit, "edits", "channel"),
            Route("DELETE", _ONE, self.delete, "deletes", "channel"),
            Route("POST", "/channels/{channel}/typing", self.typing, "typing", "channel"),
            Route("PUT", _ONE + "/reactions/{emoji}/@me", self.react, "reactions", "channel"),
            Route("DELETE", _ONE + "/reactions/{emoji}/@me", self.unreact, "reactions", "channel"),
        ]

    async def create(self, call: Call) -> Answer:
        """Send a message."""
        channel = visible_channel(self.world, call.id("channel"))
        check_may_send(self.world, channel)
        message = compose(self.world, channel, call.body)
        if message.files:
            require(self.world, channel, Permission.ATTACH_FILES)
        if message.reply_to and not may(channel, self.world.bot, Permission.READ_MESSAGE_HISTORY):
            said = "Cannot reply without permission to read message history"
            raise ApiError(403, 160002, said)
        if not may(channel, self.world.bot, Permission.EMBED_LINKS):
            message.embeds = []
        if call.body.fields.get("enforce_nonce") and message.nonce:
            for earlier in channel.messages.values():
                if earlier.author is self.world.bot and earlier.nonce == message.nonce:
                    return message_json(earlier, self.world.reader())
        if channel.is_thread:
            channel.archived = False
            self.world.join_thread(channel, self.world.bot)
        return message_json(self.world.post(message), self.world.reader())

    async def edit(self, call: Call) -> Answer:
        """Edit an own message."""
        message = self._message(call)
        if message.author is not self.world.bot:
            raise ApiError(403, 50005, "Cannot edit a message authored by another user")
        apply_edit(self.world, message, call.body)
        edits = self.world.counters.edits
        edits[message.id] = edits.get(message.id, 0) + 1
        self.world.revise(message)
        return message_json(message, self.world.reader())

    async def delete(self, call: Call) -> Answer:
        """Delete an own message, or another's with the permission."""
        message = self._message(call)
        if message.author is not self.world.bot:
            if message.channel.is_direct:
                raise ApiError(403, 50003, "Cannot execute action on a DM channel")
            require(self.world, message.channel, Permission.MANAGE_MESSAGES)
        self.world.remove(message)

    async def delete_many(self, call: Call) -> Answer:
        """Delete messages at once."""
        channel = visible_channel(self.world, call.id("channel"))
        require(self.world, channel, Permission.MANAGE_MESSAGES)
        for key in call.body.fields["messages"]:
            if message := channel.messages.get(int(key)):
                self.world.remove(message)

    async def get(self, call: Call) -> Answer:
        """One message, with addresses of files that are good now."""
        message = self._message(call)
        require(self.world, message.channel, Permission.READ_MESSAGE_HISTORY)
        return message_json(message, self.world.reader())

    async def history(self, call: Call) -> Answer:
        """Messages before, after or around one, newest first."""
        channel = visible_channel(self.world, call.id("channel"))
        if not may(channel, self.world.bot, Permission.READ_MESSAGE_HISTORY):
            return []
        query = call.query
        limit = int(query.get("limit", 50))
        if not 1 <= limit <= 100:
            raise ApiError(400, 50035, "Invalid Form Body")
        found = sorted(channel.messages.values(), key=lambda each: each.id)
        if "after" in query:
            found = [each for each in found if each.id > int(query["after"])][:limit]
        elif "before" in query:
            found = [each for each in found if each.id < int(query["before"])][-limit:]
        elif "around" in query:
            middle = int(query["around"])
            near = sorted(found, key=lambda each: abs(each.id - middle))[:limit]
            found = sorted(near, key=lambda each: each.id)
        else:
            found = found[-limit:]
        return [message_json(each, self.world.reader()) for each in reversed(found)]

    async def typing(self, call: Call) -> Answer:
        """Show that the bot types."""
        channel = visible_channel(self.world, call.id("channel"))
        check_may_send(self.world, channel)
        self.world.counters.typing.append(channel.id)

    async def react(self, call: Call) -> Answer:
        """React with an emoji."""
        message = self._message(call)
        require(self.world, message.channel, Permission.ADD_REACTIONS)
        message.reactions.setdefault(call.text("emoji"), set()).add(self.world.bot.id)

    async def unreact(self, call: Call) -> Answer:
        """Take a reaction back."""
        message = self._message(call)
        message.reactions.get(call.text("emoji"), set()).discard(self.world.bot.id)

    def _message(self, call: Call) -> Message:
        channel = visible_channel(self.world, call.id("channel"))
        message = channel.messages.get(call.id("message"))
        if message is None:
            raise unknown("Message")
        return message


def visible_channel(world: World, channel_id: int) -> Channel:
    """A channel that the bot sees; else the error that says why not."""
    channel = world.channels.get(channel_id)
    if channel is None:
        raise unknown("Channel")
    if not permissions_in(channel, world.bot) & Permission.VIEW_CHANNEL:
        raise missing_access()
    return channel


def require(world: World, channel: Channel, wanted: Permission) -> None:
    """Refuse where the bot lacks a permission."""
    if not may(channel, world.bot, wanted):
        raise missing_permissions()


def check_may_send(world: World, channel: Channel) -> None:
    """Refuse where the bot may not write."""
    if channel.kind == FORUM:
        raise ApiError(400, 50008, "Cannot send messages in a non-text channel")
    if channel.is_direct:
        person = next(user for user in channel.recipients if user is not world.bot)
        shared = any(
            person.id in guild.members and world.bot_is_in(guild) for guild in world.guilds.values()
        )
        if not (person.accepts_direct and shared):
            raise ApiError(403, 50007, "Cannot send messages to this user")
        return
    thread = Permission.SEND_MESSAGES_IN_THREADS
    require(world, channel, thread if channel.is_thread else Permission.SEND_MESSAGES)
