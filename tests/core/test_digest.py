"""The weekly digest: whom it goes to, on which day, in which language, and never twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.channel_settings import ChannelSettings
from core.channels import UNCHOSEN, Channels
from core.database import Database
from core.digest import Digests, Readers, due_at
from core.envoy import Envoy
from core.errors import ForbiddenError
from core.events import ChannelRef, ConversationRef, Place, Platform, ServerRef
from core.gaps import Gaps
from core.history import History
from core.notes import name_of, store
from core.noticeboard import Noticeboards
from core.replies import Sources
from core.sightings import Sightings
from knowledge_base.errors import StoreCorruptError
from knowledge_base.notes import Note
from tests.support.commanding import MEMBER, Town, spoken
from tests.support.libraries import open_library

TOWN = ChannelRef(Platform.DISCORD, "town")
MONDAY = datetime(2027, 6, 7, 9, 30, tzinfo=UTC)


class Week:
    """A channel in which questions are asked, with the clock of a test."""

    def __init__(self, database, library):
        self.moment = MONDAY
        self.serves = True
        self.town = Town()
        self.channels = Channels(database)
        self.sightings = Sightings(database)
        self.history = History(database)
        self._database, self._library = database, library
        self._count = 0

    def clock(self):
        return self.moment.timestamp()

    async def ask(self, text, channel=TOWN, **facts):
        self._count += 1
        message = spoken(
            text,
            MEMBER,
            message_id=f"q{self._count}",
            conversation=ConversationRef(channel),
            **facts,
        )
        await self.sightings.saw(message)
        await self.history.append_question(message)
        await self.history.append_answer(message, "…", sources=Sources((), refused=True))
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE exchanges SET asked_at = ?", (self.clock() - 3600,))

    async def choose(self, channel=TOWN, **values):
        for key, value in values.items():
            await self.channels.change(channel, key, value)

    async def post(self, language="en", zone=UTC):
        outboxes = {Platform.DISCORD: self.town}

        async def serves(_asked):
            return self.serves

        readers = Readers(
            self.channels,
            self.sightings,
            Noticeboards(self.channels, outboxes),
            Envoy(outboxes, language=language),
            serves,
        )
        digests = Digests(self._database, self._library, readers, zone=zone, clock=self.clock)
        return await digests.post()

    @property
    def posted(self):
        return [one.text for one in self.town.messages.values() if one.channel == "office"]


@pytest.fixture
async def week(tmp_path):
    async with (
        Database.open(tmp_path / "lorekeeper.db") as database,
        open_library(tmp_path / "library") as library,
    ):
        yield Week(database, library)


async def test_it_is_off_until_a_channel_chooses_it(week):
    assert UNCHOSEN.digest == "off"
    await week.ask("Who feeds the sharks?")
    await week.choose(log_channel="office")
    assert await week.post() == 0
    await week.choose(digest="monday")
    assert await week.post() == 1
    (text,) = week.posted
    assert text.startswith("`town`, 2027-05-31 to 2027-06-07: asked, and not answered or not well")
    assert "1. `Who feeds the sharks?` (1 time)" in text
    assert "Ada" not in text


async def test_what_fails_for_one_channel_keeps_no_other_from_its_digest(week, monkeypatch):
    broken, whole = (ChannelRef(Platform.DISCORD, name) for name in ("alpha", "omega"))
    for channel in (broken, whole):
        await week.choose(channel, log_channel="office", digest="monday")
        await week.ask("Who feeds the sharks?", channel)
    of = Gaps.of

    async def failing(self, channel, *values, **options):
        if channel == broken:
            raise StoreCorruptError("knowledge.db")
        return await of(self, channel, *values, **options)

    monkeypatch.setattr(Gaps, "of", failing)
    with pytest.raises(ExceptionGroup) as caught:
        await week.post()
    assert [type(one) for one in caught.value.exceptions] == [StoreCorruptError]
    assert len(week.posted) == 1
    monkeypatch.setattr(Gaps, "of", of)
    assert await week.post() == 1
    assert len(week.posted) == 2


async def test_nobody_is_told_twice_and_each_week_anew(week):
    await week.choose(log_channel="office", digest="monday")
    await week.ask("Who feeds the sharks?")
    assert [await week.post(), await week.post()] == [1, 0]
    week.moment += timedelta(hours=20)
    assert await week.post() == 0
    week.moment = MONDAY + timedelta(days=7)
    await week.ask("谁来喂海龟？")
    assert await week.post() == 1
    assert len(week.posted) == 2


async def test_it_speaks_the_channels_language_else_the_configured_one(week):
    await week.choose(log_channel="office", digest="monday", language="zh")
    await week.ask("谁来喂海龟？")
    assert await week.post() == 1
    (text,) = week.posted
    assert text.startswith("`town`，2027-05-31 至 2027-06-07：有人问过")
    assert "1. `谁来喂海龟？`（1 次）\n" in text
    week.moment += timedelta(days=7)
    await week.choose(language="auto")
    await week.ask("Who feeds the sharks?")
    await week.post(language="zh")
    assert "至" in week.posted[-1]


async def test_where_there_are_no_gaps_nothing_is_said(week):
    await week.choose(log_channel="office", digest="monday")
    assert await week.post() == 0
    assert week.town.messages == {}


async def test_without_a_log_channel_nothing_is_said_anywhere(week):
    await week.choose(digest="monday")
    await week.ask("Who feeds the sharks?")
    assert await week.post() == 0
    assert week.town.messages == {}
    await week.choose(log_channel="office")
    assert await week.post() == 1


async def test_what_only_few_can_read_goes_nowhere_else(week):
    await week.choose(log_channel="office", digest="monday")
    await week.ask("Who feeds the sharks?")
    week.town.within["office", "town"] = False
    assert await week.post() == 0
    assert week.posted == []


async def test_a_place_that_is_not_served_or_silenced_gets_nothing(week):
    await week.choose(log_channel="office", digest="monday")
    await week.ask("Who feeds the sharks?")
    week.serves = False
    assert await week.post() == 0
    week.serves = True
    await week.channels.pause(TOWN)
    assert await week.post() == 0
    await week.channels.resume(TOWN)
    assert await week.post() == 1


async def test_what_could_not_be_sent_is_tried_again(week):
    await week.choose(log_channel="office", digest="monday")
    await week.ask("Who feeds the sharks?")
    week.town.refuse("send", ForbiddenError(ConversationRef(TOWN)))
    assert await week.post() == 0
    assert await week.post() == 1


@pytest.mark.parametrize("is_out", [False, True])
async def test_a_digest_that_our_end_cuts_off_is_sent_once_more_and_never_again(
    week, monkeypatch, is_out
):
    """Nobody can know whether the platform had it by then."""
    await week.choose(log_channel="office", digest="monday")
    await week.ask("Who feeds the sharks?")
    say = Envoy.say

    async def cut_off(self, *values, **options):
        if is_out:
            await say(self, *values, **options)
        raise asyncio.CancelledError

    for _ in range(2):
        monkeypatch.setattr(Envoy, "say", cut_off)
        with pytest.raises(asyncio.CancelledError):
            await week.post()
    monkeypatch.setattr(Envoy, "say", say)
    assert await week.post() == 0
    assert len(week.posted) == (2 if is_out else 0)


async def test_a_digest_that_was_cut_off_is_not_lost(week, monkeypatch):
    await week.choose(log_channel="office", digest="monday")
    await week.ask("Who feeds the sharks?")
    with monkeypatch.context() as patched:

        async def cut_off(*_values, **_options):
            raise asyncio.CancelledError

        patched.setattr(Envoy, "say", cut_off)
        with pytest.raises(asyncio.CancelledError):
            await week.post()
    assert [await week.post(), await week.post()] == [1, 0]
    assert len(week.posted) == 1


async def test_all_channels_of_a_server_that_chose_it_get_theirs(week):
    server = ServerRef(Platform.DISCORD, "guild")
    await week.choose(server, log_channel="office", digest="monday")
    quiet = ChannelRef(Platform.DISCORD, "quiet")
    await week.choose(quiet, digest="off")
    for name in ("town", "plaza", "quiet"):
        channel = ChannelRef(Platform.DISCORD, name)
        await week.ask("Who feeds the sharks?", channel, server_id="guild", place=Place(name))
    assert await week.post() == 2
    assert sorted(text.partition(",")[0] for text in week.posted) == ["`plaza`", "`town`"]


async def test_what_a_note_answers_is_no_gap_any_more(week):
    await week.choose(log_channel="office", digest="monday")
    await week.ask("Who feeds the sharks?")
    base = await week._library.ensure_base("discord:town")
    question = "Who feeds the sharks?"
    note = Note(question, "Bob does.", "Mo", "discord:mo", datetime.now(UTC), None)
    await store(week._library, base, note, name_of(question))
    assert await week.post() == 0


@pytest.mark.parametrize(
    ("zone", "hours"), [("Europe/Berlin", 1), ("Asia/Shanghai", 8), ("America/New_York", -5)]
)
def test_nine_oclock_is_the_channels_own_also_after_a_switch(zone, hours):
    settings = ChannelSettings(digest="monday", time_zone=zone)
    winter = datetime(2027, 1, 4, 9, tzinfo=UTC) - timedelta(hours=hours)
    assert due_at(settings, UTC, winter.timestamp() - 1) is None
    due = due_at(settings, UTC, winter.timestamp())
    assert due is not None
    assert due.timestamp() == winter.timestamp()
    # Of the Monday after either switch, the clock on the wall shows nine.
    for day in (datetime(2027, 3, 29, 23, tzinfo=UTC), datetime(2027, 11, 8, 23, tzinfo=UTC)):
        due = due_at(settings, UTC, day.timestamp())
        assert due is not None
        assert (due.astimezone(ZoneInfo(zone)).hour, due.weekday()) == (9, 0)


def test_what_is_missed_by_more_than_a_day_waits_for_the_next_week():
    settings = ChannelSettings(digest="monday")
    monday = datetime(2027, 6, 7, 9, tzinfo=UTC)
    assert due_at(settings, UTC, (monday + timedelta(hours=24)).timestamp()) == monday
    assert due_at(settings, UTC, (monday + timedelta(hours=24, seconds=1)).timestamp()) is None
    assert due_at(settings, UTC, (monday - timedelta(seconds=1)).timestamp()) is None
