"""What raw payloads of Discord mean, parsed by the SDK itself; nothing is sent anywhere."""

from __future__ import annotations

import discord
import pytest

from bot.adapters.discord import translate
from bot.adapters.discord.files import name_of
from core.events import (
    Attachment,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Platform,
    Quoted,
    Trigger,
)

ME, ALICE, BOB, OTHER_BOT = 10**17 + 1, 10**17 + 2, 10**17 + 3, 10**17 + 4
SERVER, GENERAL, THREAD, OUR_ROLE, STAFF = (2 * 10**17 + n for n in range(5))
MESSAGE = 1_500_000_000_000_000_000


def user(number: int, name: str, *, bot: bool = False) -> dict:
    return {
        "id": str(number),
        "username": name.lower(),
        "global_name": name,
        "discriminator": "0",
        "avatar": None,
        "bot": bot,
    }


def role(number: int, name: str, permissions: int = 0, **more) -> dict:
    return {
        "id": str(number),
        "name": name,
        "permissions": str(permissions),
        "position": 1,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": True,
        "flags": 0,
        **more,
    }


GUILD = {
    "id": str(SERVER),
    "name": "Aquarists",
    "owner_id": str(BOB),
    "roles": [
        role(SERVER, "@everyone", 1 << 10 | 1 << 11 | 1 << 16),
        role(OUR_ROLE, "Lorekeeper", tags={"bot_id": str(ME)}, managed=True),
        role(STAFF, "staff", 1 << 13),
    ],
    "channels": [{"id": str(GENERAL), "type": 0, "name": "general", "position": 0}],
    "threads": [
        {
            "id": str(THREAD),
            "type": 11,
            "name": "pumps",
            "parent_id": str(GENERAL),
            "owner_id": str(ALICE),
            "message_count": 0,
            "member_count": 1,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": 60,
                "archive_timestamp": "2026-01-01T00:00:00+00:00",
            },
        }
    ],
    "members": [],
    "member_count": 3,
    "emojis": [],
    "stickers": [],
    "features": [],
    "preferred_locale": "zh-CN",
    "unavailable": False,
}


def member(*roles: int) -> dict:
    return {
        "roles": [str(number) for number in roles],
        "joined_at": "2026-01-01T00:00:00+00:00",
        "nick": None,
        "flags": 0,
    }


class Parser:
    """The SDK's own parser, without a connection."""

    def __init__(self) -> None:
        self.client = discord.AutoShardedClient(intents=discord.Intents.none(), shard_count=1)
        state = self.client._connection
        state.user = discord.ClientUser(state=state, data=user(ME, "Lorekeeper", bot=True))
        state.dispatch = lambda name, *told: self.told.append((name, told))
        self.told: list[tuple[str, tuple]] = []
        state._add_guild_from_data(GUILD)

    def message(self, content: str = "", **more) -> discord.Message:
        payload = {
            "id": str(MESSAGE),
            "channel_id": str(GENERAL),
            "guild_id": str(SERVER),
            "type": 0,
            "content": content,
            "author": user(ALICE, "Alice"),
            "member": member(STAFF),
            "mentions": [],
            "mention_roles": [],
            "mention_everyone": False,
            "attachments": [],
            "embeds": [],
            "pinned": False,
            "tts": False,
            "timestamp": "2026-01-01T00:00:00+00:00",
            "edited_timestamp": None,
            **more,
        }
        if payload["guild_id"] is None:
            del payload["guild_id"], payload["member"]
        self.client._connection.parse_message_create(payload)
        name, (message,) = self.told.pop()
        assert name == "message"
        return message

    def event(self, content: str = "", **more) -> IncomingMessage | None:
        return translate.incoming(self.message(content, **more), ME, _named)


async def _refuse(path, limit):
    raise AssertionError("nothing is fetched while translating")


def _named(remote: discord.Attachment) -> Attachment:
    return Attachment(str(remote.id), name_of(remote), "text/plain", remote.size, _refuse)


@pytest.fixture
def parser() -> Parser:
    return Parser()


def us() -> dict:
    return {**user(ME, "Lorekeeper", bot=True), "member": member(OUR_ROLE)}


def test_everything_that_a_message_says(parser):
    event = parser.event(f"<@{ME}> which pump?", mentions=[us()])
    assert event is not None
    channel = ChannelRef(Platform.DISCORD, str(GENERAL))
    assert event.conversation == ConversationRef(channel)
    assert (event.kind, event.trigger) == (ChannelKind.GROUP, Trigger.MENTION)
    assert (event.message_id, event.text) == (str(MESSAGE), "which pump?")
    assert event.sent_at == discord.utils.snowflake_time(MESSAGE)
    assert event.server_id == str(SERVER)
    assert event.author.display_name == "Alice"
    assert (event.author.is_moderator, event.author.is_channel_admin) == (True, False)
    assert event.author.role_ids == {str(STAFF), str(SERVER)}
    assert (event.place.channel_name, event.place.server_name) == ("general", "Aquarists")
    assert event.locale is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (f"<@{ME}> which pump?", "which pump?"),
        (f"<@!{ME}>, which pump?", "which pump?"),
        (f"🎉👩‍👩‍👧 <@{ME}> which pump?", "🎉👩‍👩‍👧 which pump?"),
        (f"<@{ME}>：哪个泵？", "哪个泵？"),
        (f"which pump, <@{ME}>?", "which pump, ?"),
        (f"<:pump:{MESSAGE}> <@{ME}> works?", ":pump: works?"),
        (f"<@{ME}> ask <@{BOB}> in <#{GENERAL}> or <@&{STAFF}>", "ask @Bob in #general or @staff"),
        (f"<@{ME}> who is <@{MESSAGE}>?", f"who is <@{MESSAGE}>?"),
        (f"<@{ME}>\n```py\nx  = 1\n```", "```py\nx  = 1\n```"),
    ],
)
def test_our_mention_is_taken_out_and_other_numbers_become_names(parser, content, text):
    event = parser.event(content, mentions=[us(), {**user(BOB, "Bob"), "member": member()}])
    assert event is not None
    assert (event.trigger, event.text) == (Trigger.MENTION, text)


def test_a_mention_that_discord_does_not_see_as_one_is_none(parser):
    event = parser.event(f"`<@{ME}>` is how to mention it")
    assert event is not None
    assert event.trigger is Trigger.AMBIENT


def test_another_bots_role_is_not_ours(parser):
    event = parser.event(f"<@&{STAFF}> help", mention_roles=[str(STAFF)])
    assert event is not None
    assert (event.trigger, event.text) == (Trigger.AMBIENT, "@staff help")


def test_everyone_is_not_us(parser):
    event = parser.event("@everyone hello", mention_everyone=True)
    assert event is not None
    assert event.trigger is Trigger.AMBIENT


@pytest.mark.parametrize(
    "more",
    [
        {"author": user(OTHER_BOT, "Pingbot", bot=True)},
        {"webhook_id": str(BOB)},
        {"type": 7},
        {"type": 6},
        {"type": 18},
        {"content": ""},
    ],
)
def test_what_no_person_wrote_is_nothing(parser, more):
    assert parser.event(**{"content": "hello", **more}) is None


def test_a_reply_that_pings_us_is_addressed_even_if_what_it_answers_is_gone(parser):
    event = parser.event(
        "and on Sundays?",
        type=19,
        mentions=[us()],
        message_reference={"message_id": "1", "channel_id": str(GENERAL)},
        referenced_message=None,
    )
    assert event is not None
    assert (event.trigger, event.quoted) == (Trigger.REPLY, None)


def test_a_reply_to_somebody_else_brings_their_words_and_files(parser):
    quoted = {
        "id": str(MESSAGE - 1),
        "channel_id": str(GENERAL),
        "type": 0,
        "content": "The <:pump:100000000000000009> is broken",
        "author": user(BOB, "Bob"),
        "mentions": [],
        "mention_roles": [],
        "attachments": [
            {
                "id": "7",
                "filename": "a.txt",
                "size": 3,
                "url": "https://x",
                "proxy_url": "https://x",
            }
        ],
        "embeds": [],
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
        "pinned": False,
        "tts": False,
        "mention_everyone": False,
    }
    event = parser.event(
        f"<@{ME}> what does it mean?",
        type=19,
        mentions=[us()],
        message_reference={"message_id": quoted["id"], "channel_id": str(GENERAL)},
        referenced_message=quoted,
    )
    assert event is not None
    assert isinstance(event.quoted, Quoted)
    assert (event.trigger, event.quoted.text) == (Trigger.MENTION, "The :pump: is broken")
    assert event.quoted.author.display_name == "Bob"
    assert [file.filename for file in event.quoted.attachments] == ["a.txt"]


def test_a_thread_is_part_of_its_channel(parser):
    event = parser.event("hello", channel_id=str(THREAD))
    assert event is not None
    channel = ChannelRef(Platform.DISCORD, str(GENERAL))
    assert event.conversation == ConversationRef(channel, str(THREAD))
    assert event.place.is_thread


def test_a_private_message_is_the_members_own(parser):
    event = parser.event("which pump?", guild_id=None, channel_id=str(BOB + 100))
    assert event is not None
    assert (event.trigger, event.server_id) == (Trigger.PRIVATE, None)
    assert not event.author.is_channel_admin


@pytest.mark.parametrize(
    ("filename", "title", "name"),
    [
        ("handbook.pdf", None, "handbook.pdf"),
        ("pdf", "手册", "手册"),
        ("_.pdf", "员工手册", "员工手册.pdf"),
        ("a.PDF", "员工手册.pdf", "员工手册.pdf"),
    ],
)
def test_files_keep_the_name_that_they_were_given(parser, filename, title, name):
    file = {
        "id": "7",
        "filename": filename,
        "size": 3,
        "url": "https://x",
        "proxy_url": "https://x",
        **({"title": title} if title else {}),
    }
    event = parser.event(guild_id=None, channel_id=str(BOB + 100), attachments=[file])
    assert event is not None
    assert [attachment.filename for attachment in event.attachments] == [name]
