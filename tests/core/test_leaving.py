"""A place that took us out: served again within the grace with everything, then forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.admission_rows import Admissions
from core.audit import Act
from core.bindings import Bindings
from core.confirmations import Confirmations
from core.events import (
    ChannelRef,
    ConversationRef,
    Invocation,
    MemberRef,
    Place,
    Platform,
    ServerRef,
)
from core.feedback import Feedback, Verdict
from core.history import StoredAnswer
from core.inbox import DurableInbox
from core.jobs import JobRows, Outcome, Schedule
from core.leaving import Leaving, tables_of_channels
from core.moves import Moves, move_channel
from core.reviews import HeldFile
from knowledge_base.models import Upload
from tests.support.commanding import ADMIN, MEMBER, attachment, open_hall, spoken, whispered

DAY = 86_400
TOWN = spoken("").conversation.channel
FAIR = ServerRef(Platform.DISCORD, "9")

NOT_OF_CHANNELS = {
    "migrations",
    "moves",
    # By their question, upload, verdict or form.
    "answer_sources",
    "feedback_sources",
    "review_files",
    "reviews",
    # By channel or server, in columns of their own.
    "settings",
    "pauses",
    "admission_cards",
    # Of people, wherever they are.
    "forgotten",
    "uses",
    "limits_told",
    # Of programs, by the bases that they may ask.
    "api_keys",
    "api_key_bases",
    # What was spent, by day and server.
    "spend",
    "spend_told",
    # Of what comes round.
    "jobs",
    # Of the console: who runs the bot, wherever people ask.
    "console_accounts",
    "console_sessions",
    # Counts by the hour: numbers alone, of no place and nobody.
    "hourly_figures",
    # Of documents, by their base.
    "document_summaries",
    # Which program wrote the file.
    "written_by",
}
"""Tables that say otherwise whose their rows are; a new table is of a channel, or stands here."""


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        hall.now = 1_000_000.0
        hall.rows = Admissions(hall.database, clock=lambda: hall.now)
        hall.leaving = Leaving(
            hall.database, hall.library, hall.channels, hall.reviews, clock=lambda: hall.now
        )
        yield hall


async def fill(hall, channel="town", server="9", user=MEMBER):
    """Something of every kind in a channel."""
    where = ConversationRef(ChannelRef(Platform.DISCORD, channel))
    facts = {"conversation": where, "server_id": server, "place": Place(channel, "Fair")}
    own = spoken("When do gates open?", user, message_id=f"q {channel}", **facts)
    moderator = replace(ADMIN, is_server_admin=True)
    await hall.reply(
        spoken("/kb add", moderator, attachments=(attachment(f"{channel}.md"),), **facts)
    )
    await hall.reply(spoken("/settings teachers review", moderator, **facts))
    await hall.reply(spoken("/settings where:server passages 7", moderator, **facts))
    await hall.reply(spoken("/pause 5", moderator, **facts))
    await hall.reply(spoken("/kb remove nothing", moderator, **facts))
    inbox, history = DurableInbox(hall.database), hall.resources.history
    inbox_id = await inbox.receive(own)
    async with hall.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO held_parts VALUES ('discord', ?, 'album', 'p', ?, '{}', 1)",
            (channel, user.user_id),
        )
    await history.append_question(own)
    await history.append_answer(own, "At nine.")
    await inbox.finish(inbox_id)
    answer = StoredAnswer(own.message_id, user.user_id, own.text, "At nine.", False, False, ())
    await Feedback(hall.database).give(where, answer, user.user_id, Verdict.UP)
    file = HeldFile("b.md", 1, "b", hall.folder / "b.md")
    file.path.write_text("b", encoding="utf-8")
    await hall.reviews.hold(f"discord:{channel}", "Ada", "discord:ada", [file])
    member = MemberRef(Platform.DISCORD, user.user_id)
    await Confirmations(hall.database).ask(where.channel, member, Invocation("kb purge"))
    await Bindings(hall.database).use(member, where.channel)
    await hall.resources.moderation.audit.note(own, Act.REMOVED, "a.md")
    rows = JobRows(hall.database)
    await rows.ensure(Schedule(f"check {server}", "0 4 * * *"))
    await rows.end(f"check {server}", Outcome.FAILED, f"Wrong in discord:{channel}.")
    base = await hall.library.base(f"discord:{channel}")
    await Bindings(hall.database).attach(
        base.base_id, ChannelRef(Platform.DISCORD, "elsewhere"), member
    )


async def rows_with(hall, *ids):
    """Tables in which one of these ids still stands anywhere, alone or as a part of a name."""
    found = set()
    async with hall.database.reader() as connection:
        tables = await connection.execute_fetchall(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        for (table,) in tables:
            for row in await connection.execute_fetchall(f"SELECT * FROM {table}"):
                if any(own in str(value) for value in row for own in ids):
                    found.add(table)
    return found


async def test_within_the_grace_everything_waits_for_the_return(hall):
    await fill(hall)
    await hall.rows.joined(FAIR, "Fair", spoken("").conversation)
    await hall.rows.left(FAIR)
    hall.now += 30 * DAY - 1
    assert await hall.leaving.prune() == 0
    assert await hall.documents() == ["town.md"]
    await hall.rows.joined(FAIR, "Fair", None)
    hall.now += 90 * DAY
    assert await hall.leaving.prune() == 0
    assert await hall.documents() == ["town.md"]
    assert hall.channels.at(TOWN).teachers == "review"


async def test_after_it_everything_of_the_place_goes_and_nothing_else(hall):
    await fill(hall)
    await fill(hall, "mill", "8", replace(MEMBER, user_id="bob"))
    await hall.rows.joined(FAIR, "Fair", spoken("").conversation)
    await hall.rows.left(FAIR)
    assert len(await rows_with(hall, "town")) > 10
    hall.now += 30 * DAY + 1
    assert await hall.leaving.prune() == 1
    assert await rows_with(hall, "town") == set()
    assert await hall.rows.find(FAIR) is None
    assert await hall.documents() == []
    assert hall.channels.at(TOWN, server=FAIR).passages is None
    assert await hall.documents("discord:mill") == ["mill.md"]
    mill = ChannelRef(Platform.DISCORD, "mill")
    assert hall.channels.at(mill).teachers == "review"
    assert len(await hall.reviews.waiting("discord:mill")) == 1
    assert len(list((hall.folder / "reviews").iterdir())) == 1
    originals = [p for p in (hall.folder / "library").rglob("*") if p.is_file()]
    held = [p.read_bytes() for p in originals if p.parent.parent.name == "originals"]
    assert held == [b"Text of mill.md."]
    assert await hall.leaving.prune() == 0


async def test_what_is_deleted_is_not_in_the_library_s_file_either(hall):
    await fill(hall)
    await hall.rows.left(FAIR)
    hall.now += 31 * DAY
    await hall.leaving.prune()
    said = await hall.types("/kb search text", ADMIN)
    assert "town.md" not in said.text
    await hall.library.snapshot()
    for path in (hall.folder / "library").rglob("*.db"):
        assert b"town.md" not in path.read_bytes()


async def test_a_place_that_was_refused_stays_refused_without_its_name(hall):
    await hall.rows.joined(FAIR, "Fair", spoken("").conversation)
    await hall.rows.decide(FAIR, "refused", "owner")
    await hall.rows.left(FAIR)
    hall.now += 31 * DAY
    assert await hall.leaving.prune() == 1
    kept = await hall.rows.find(FAIR)
    assert (kept.verdict, kept.name, kept.conversation, kept.left_at) == ("refused", "", None, None)
    assert await hall.leaving.prune() == 0


async def test_a_prune_that_died_half_way_is_finished_by_the_next(hall, monkeypatch):
    await fill(hall)
    await hall.rows.left(FAIR)
    hall.now += 31 * DAY
    empty = hall.library.empty

    async def dying(base):
        await empty(base)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(hall.library, "empty", dying)
        with pytest.raises(KeyboardInterrupt):
            await hall.leaving.prune()
    assert await rows_with(hall, "town")
    assert await hall.leaving.prune() == 1
    assert await rows_with(hall, "town") == set()


async def test_a_group_is_its_own_server(hall):
    chat = ChannelRef(Platform.TELEGRAM, "-1001")
    await hall.channels.change(chat, "teachers", "everyone")
    await hall.library.ensure_base("telegram:-1001")
    group = ServerRef(Platform.TELEGRAM, "-1001")
    await hall.rows.left(group)
    hall.now += 31 * DAY
    assert await hall.leaving.prune() == 1
    assert await rows_with(hall, "-1001") == set()
    assert hall.channels.at(chat).teachers == "moderators"


async def test_what_a_group_learnt_under_an_id_that_it_had_before_goes_too(hall):
    """Both ids had been taught something when it moved: both bases serve it since."""
    old, new = ChannelRef(Platform.TELEGRAM, "-5"), ChannelRef(Platform.TELEGRAM, "-1005")
    other = ChannelRef(Platform.TELEGRAM, "-7")
    for own in (old, new, other):
        base = await hall.library.ensure_base(f"telegram:{own.channel_id}")
        path = hall.folder / f"of{own.channel_id}.md"
        path.write_text(f"Text of {own.channel_id}.", encoding="utf-8")
        await hall.library.add(base.base_id, Upload(path.name, path))
    bindings = Bindings(hall.database)
    await bindings.attach(base.base_id, new, MemberRef(Platform.TELEGRAM, "7"))
    async with hall.database.transaction() as connection:
        await move_channel(connection, old, new)
    await Moves(hall.database, hall.library, bindings, hall.channels).finish()
    assert len(await bindings.attached_to(new)) == 2
    place = ServerRef(Platform.TELEGRAM, "-1005")
    await hall.rows.joined(place, "Fair", None)
    await hall.rows.left(place)
    hall.now += 31 * DAY
    assert await hall.leaving.prune() == 1
    assert await hall.documents("telegram:-5") == []
    assert await hall.documents("telegram:-1005") == []
    assert await hall.documents("telegram:-7") == ["of-7.md"]


async def test_a_members_own_documents_stay(hall):
    await fill(hall)
    await hall.reply(whispered("", attachments=(attachment("mine.md"),)))
    await hall.rows.left(FAIR)
    hall.now += 31 * DAY
    await hall.leaving.prune()
    assert await hall.documents("discord:@ada") == ["mine.md"]


async def test_of_every_table_it_is_known_whose_its_rows_are(hall):
    async with hall.database.reader() as connection:
        of_channels = set(await tables_of_channels(connection))
        rows = await connection.execute_fetchall(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    assert {name for (name,) in rows} - of_channels == NOT_OF_CHANNELS


async def test_when_a_channel_moves_nothing_of_it_stays_under_its_old_id(hall):
    await fill(hall)
    new = ChannelRef(Platform.DISCORD, "square")
    async with hall.database.transaction() as connection:
        await move_channel(connection, TOWN, new)
        await connection.execute("DELETE FROM moves")
        for table in await tables_of_channels(connection):
            rows = await connection.execute_fetchall(
                f"SELECT count(*) FROM {table} WHERE channel_id = 'town'"
            )
            if table not in ("exchanges", "inbox", "inbox_replies", "feedback"):  # moved beside it
                assert list(rows) == [(0,)], table
    (entry, *_rest) = await hall.resources.moderation.audit.of_channel(new)
    assert entry.act is Act.REMOVED
