"""Everything that says what holds where and who may see what, over one database and one library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from core.access import Access
from core.bindings import Bindings
from core.channels import Channels
from core.database import Database
from core.events import ChannelRef, ConversationRef, IncomingMessage, Place, Platform
from core.moves import Moves
from core.permissions import Rules
from core.ports import Outbox, Standing
from core.sharing import Sharing
from core.sightings import Sightings
from knowledge_base.library import Library
from tests.support.messages import group, private
from tests.support.recording_outbox import QUICK, RecordingOutbox
from tests.support.shelf import Shelf

NO_RULES = Rules()


@dataclass(frozen=True, slots=True)
class Places:
    """The parts, wired as the bot wires them."""

    channels: Channels
    sightings: Sightings
    bindings: Bindings
    access: Access
    sharing: Sharing
    moves: Moves


def open_places(
    database: Database,
    library: Library | Shelf,
    outboxes: Mapping[Platform, Outbox] | None = None,
    rules: Rules = NO_RULES,
    clock: Callable[[], float] | None = None,
) -> Places:
    """Nothing is read of the database yet: `channels.load()` where settings are there already."""
    reached = outboxes or {}
    channels = Channels(database) if clock is None else Channels(database, clock=clock)
    sightings, bindings = Sightings(database), Bindings(database)
    access = Access(library, channels, sightings, bindings, reached, rules)
    return Places(
        channels,
        sightings,
        bindings,
        access,
        Sharing(library, access, sightings, bindings, reached, rules),
        Moves(database, library, bindings, channels),
    )


class Town(RecordingOutbox):
    """A platform that knows who can read which channel, who administers it, and who else sees it.

    Channels that are named in `silent` are those of which it cannot say anything.
    """

    def __init__(self) -> None:
        super().__init__(replace(QUICK, can_buttons=True))
        self.readers: dict[str, set[str]] = {}
        self.admins: dict[str, set[str]] = {}
        self.restricted: set[str] = set()
        self.silent: set[str] = set()
        self.roles: dict[str, set[str]] = {}
        self.asked: list[tuple[str, str]] = []
        self.looked_up: list[tuple[str, str]] = []
        """Whose standing was asked for, and where."""

    async def is_member(self, user_id: str, channel: ChannelRef) -> bool | None:
        self.asked.append((user_id, channel.channel_id))
        if channel.channel_id in self.silent:
            return None
        return user_id in self.readers.get(channel.channel_id, set())

    async def standing(self, user_id: str, channel: ChannelRef) -> Standing | None:
        own = channel.channel_id
        self.looked_up.append((user_id, own))
        if self.refusals["standing"]:
            raise self.refusals["standing"].popleft()
        if own in self.silent:
            return None
        admin = user_id in self.admins.get(own, set())
        can_read = admin or user_id in self.readers.get(own, set())
        return Standing(
            can_read,
            admin,
            is_restricted=own in self.restricted,
            role_ids=frozenset(self.roles.get(user_id, ())),
        )


NOWHERE = Place()
RESTRICTED = Place(is_restricted=True)


def said(
    channel: str,
    *,
    user: str = "ada",
    server: str | None = "s1",
    place: Place = NOWHERE,
    thread: str | None = None,
) -> IncomingMessage:
    """A mention in a channel of a server on Discord; the channel is called like its id."""
    return replace(
        group("?", user=user, thread=thread),
        conversation=ConversationRef(ChannelRef(Platform.DISCORD, channel), thread),
        server_id=server,
        place=replace(place, channel_name=place.channel_name or channel),
    )


def posted(chat: str, *, user: str = "ada", topic: str | None = None) -> IncomingMessage:
    """A mention in a group on Telegram, which is its own server."""
    message = said(chat, user=user, server=chat)
    return replace(
        message, conversation=ConversationRef(ChannelRef(Platform.TELEGRAM, chat), topic)
    )


def whispered(user: str = "ada", platform: Platform = Platform.DISCORD) -> IncomingMessage:
    """A message in the member's private chat with the bot."""
    message = private("?", user=user)
    return replace(message, conversation=ConversationRef(ChannelRef(platform, f"dm-{user}")))


def as_admin(message: IncomingMessage, *, of_server: bool = False) -> IncomingMessage:
    """The same by somebody who administers the channel, as the platform told it."""
    author = replace(message.author, is_channel_admin=True, is_server_admin=of_server)
    return replace(message, author=author)
