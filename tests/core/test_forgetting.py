"""Who asks to be forgotten is in no file any more; what is of others stays."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.admission_rows import Admissions
from core.audit import Act
from core.bindings import Bindings
from core.engines.queue import Asker
from core.events import (
    Author,
    ChannelRef,
    ConversationRef,
    Invocation,
    MemberRef,
    MessageRef,
    Platform,
    Quoted,
    ServerRef,
)
from core.feedback import Feedback, Verdict
from core.forgetting import OTHERWISE, PEOPLE, Forgetting, tables_of_people
from core.history import History
from core.inbox import DurableInbox
from core.jobs import JobRows, Outcome, Schedule
from core.packing import packed
from core.replies import CitedPassage, FileReply, Form, FormField, Sources, Usage
from core.reviews import HeldFile
from core.settings import EngineSettings
from core.spend import Spending
from core.summaries import Summaries
from core.team_answers import Card
from knowledge_base.models import Scope
from tests.support.commanding import (
    ADMIN,
    MODERATOR,
    OTHER,
    OWNER,
    attachment,
    open_hall,
    spoken,
    whispered,
)

MARK = "zaubernuss"
ADA = Author("4711", f"Ada {MARK}")
HER = MemberRef(Platform.DISCORD, ADA.user_id)
TOWN = ConversationRef(ChannelRef(Platform.DISCORD, "town"))

NOBODY_S = {
    # Not whose a row is, but of what it is: numbers of messages, channels, rows, programs.
    "message_id", "channel_id", "thread_id", "server_id", "parent_id", "quoted_id", "base_id",
    "document_id",
    "exchange_id", "feedback_id", "inbox_id", "chunk_id", "audit_id", "use_id", "key_id",
    "card_id", "card_channel_id", "card_message_id", "question_channel_id", "question_thread_id",
    "question_id", "told_at_id", "old_id", "new_id", "owner_channel_id", "taken_by",
}  # fmt: skip
SEEN_TO = {
    ("reviews", "uploader_id"), ("admissions", "subject_id"), ("admissions", "decided_by"),
    ("admissions", "contact"), ("admission_cards", "subject_id"),
    ("attached_bases", "attached_by"), ("settings", "subject_id"), ("pauses", "subject_id"),
    ("console_accounts", "author_id"),
}  # fmt: skip
"""Columns of people that are dealt with one by one."""


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        yield hall


def holding(folder, mark=MARK):
    """Files in which it stands, in any encoding that we write, or which are named after it."""
    found = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        kinds = (
            mark.encode(),
            mark.encode("utf-16-le"),
            mark.encode("utf-16-be"),
            json.dumps(mark).encode()[1:-1],
        )
        if mark in path.name or any(kind in content for kind in kinds):
            found.append(str(path.relative_to(folder)))
    return found


async def ask(hall, message, answer, sources=None):
    """A question as the dispatcher keeps it, with its answer."""
    inbox, history = DurableInbox(hall.database), History(hall.database)
    inbox_id = await inbox.receive(message)
    await history.append_question(message)
    await history.append_answer(message, answer, sources=sources)
    await inbox.finish(inbox_id)
    return await history.answer(message.conversation, message.message_id)


async def hold(database, message):
    """A part of a message that is not whole yet."""
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO held_parts VALUES ('discord', 'town', 'album', ?, ?, ?, 1)",
            (message.message_id, message.author.user_id, packed(message)),
        )


async def cited(hall, text):
    base = await hall.library.base("discord:town")
    found = await hall.library.search(Scope(frozenset({base.base_id})), text)
    return Sources(tuple(CitedPassage(n, p, True) for n, p in enumerate(found.passages, 1)))


async def plant(hall):
    """The mark wherever a member can write."""
    await plant_documents(hall)
    await plant_messages(hall)
    await plant_summaries(hall)
    await plant_records(hall)


async def plant_documents(hall):
    folder = hall.folder
    # Files, by name and content, and the like in private and for review.
    for number in range(12):
        file = attachment(f"{MARK} {number}.md", f"The {MARK} {number} flowers at the gate.")
        await hall.reply(spoken("/kb add", replace(ADA, is_moderator=True), attachments=(file,)))
    town = await hall.library.base("discord:town")
    await hall.library.remove(town.base_id, f"{MARK} 3.md")
    await hall.reply(whispered("", ADA, attachments=(attachment("mine.md", f"My {MARK}."),)))
    held = HeldFile(f"{MARK}.md", 1, f"{MARK} begins", folder / "b.md")
    held.path.write_text(f"{MARK} waits", encoding="utf-8")
    place = MessageRef(TOWN, "r1")
    await hall.reviews.hold("discord:town", ADA.display_name, "discord:4711", [held], place)
    held.path.unlink()
    # A message of hers that somebody else has learnt.
    quoted = Quoted("q9", ADA, f"I say {MARK}.", sent_at=datetime(2026, 5, 4, tzinfo=UTC))
    await hall.reply(spoken("/kb add", ADMIN, quoted=quoted, message_id="k1"))
    # A note, and the form that it was written in; drafts of others that repeat her question.
    author = replace(ADA, is_moderator=True)
    form = await hall.opens("kb note", author)
    await hall.fills(form, author, question=f"Where is {MARK}?", answer=f"{MARK} is there.")
    await hall.opens("kb note", author, options={"question": f"{MARK}?"})
    draft = Form("Note", (FormField("q", "Q", value=f"when {MARK} opens"),), Invocation("kb note"))
    other = MemberRef(Platform.DISCORD, MODERATOR.user_id)
    await hall.resources.forms.open(draft, TOWN, other)
    await hall.resources.confirmations.ask(
        TOWN.channel, HER, Invocation("kb remove", {"name": MARK})
    )


async def plant_messages(hall):
    database = hall.database
    # Questions in the channel and in private; an edited one; one that others quote and judge.
    mine = await ask(hall, spoken(f"when {MARK} opens", ADA, message_id="m1"), f"{MARK} at nine.")
    await ask(hall, spoken(f"edited {MARK}", ADA, message_id="m1"), f"{MARK} edited.")
    await ask(hall, whispered(f"secret {MARK}", ADA, message_id="m2"), f"{MARK} in private.")
    feedback = Feedback(database)
    await feedback.give(TOWN, mine, ADA.user_id, Verdict.DOWN)
    await feedback.give(TOWN, mine, OTHER.user_id, Verdict.UP)
    says = replace(spoken("What does she mean?", OTHER, message_id="m3"))
    await ask(hall, replace(says, quoted=Quoted("m1", ADA, f"when {MARK} opens")), "She asks.")
    owed = replace(says, message_id="m4", quoted=Quoted("m1", ADA, f"when {MARK} opens"))
    await DurableInbox(database).receive(owed)
    # Albums of which not all has come, hers and one that is about a message of hers.
    await hold(database, spoken(f"these {MARK}", ADA, message_id="m9"))
    await hold(database, replace(owed, message_id="m10"))
    # What others were told from her files.
    sources = await cited(hall, f"{MARK} 7")
    theirs = await ask(
        hall, spoken("What flowers?", OTHER, message_id="m5"), f"The {MARK} [1].", sources
    )
    await feedback.give(TOWN, theirs, OTHER.user_id, Verdict.UP)
    # The helpers.
    card = Card(
        MessageRef(TOWN, "c1"), "m1", MessageRef(TOWN, "m1"), ADA.display_name, f"{MARK}?", "",
        ADA.user_id,
    )  # fmt: skip
    await hall.resources.answers.posted(card)
    await hall.resources.answers.hold(card, spoken(f"{MARK} by Eve", OTHER, message_id="m6"))
    await hall.resources.answers.hold(
        replace(card, at=MessageRef(TOWN, "c2")), spoken(f"{MARK} by me", ADA, message_id="m7")
    )


async def plant_summaries(hall):
    """Of her private chat, and of a thread in which others speak as well."""
    thread = ConversationRef(TOWN.channel, "help")
    for n, (author, said) in enumerate([(OTHER, "What of it?"), (ADA, f"the {MARK}")]):
        asked = replace(spoken(said, author, message_id=f"t{n}"), conversation=thread)
        await ask(hall, asked, f"{said} it is.")
    await ask(hall, whispered(f"more of {MARK}", ADA, message_id="m8"), "More.")
    summaries = Summaries(hall.database)
    for conversation in (thread, whispered("", ADA).conversation):
        material = await summaries.material(conversation, 1, 0, 1)
        assert await summaries.keep(material, f"They speak of {MARK}.", "small", 9)


async def plant_records(hall):
    database = hall.database
    await hall.channels.change(ChannelRef(Platform.DISCORD, "dm-4711"), "persona", f"a {MARK}")
    await Bindings(database).use(HER, TOWN.channel)
    await Admissions(database).decide(HER, "admitted", "discord:owner")
    audit = hall.resources.moderation.audit
    await audit.note(spoken("", ADA), Act.REMOVED, f"{MARK} 3.md")
    await audit.note(spoken("", ADMIN), Act.SHARED, f"{MARK} 4.md")


async def test_after_it_her_words_are_in_no_file(hall):
    await plant(hall)
    others = attachment("roses.md", "Roses open at nine.")
    await hall.reply(spoken("/kb add", MODERATOR, attachments=(others,)))
    await hall.library.snapshot()
    assert len(holding(hall.folder)) > 10
    said = await hall.reply(whispered("/forgetme", ADA))
    assert "4 questions" in said.text
    action = said.buttons["Erase, files too"]
    shown = await hall.press(action, ADA, channel="dm-4711")
    assert "I have forgotten you" in shown
    assert holding(hall.folder) == []
    assert await hall.documents() == ["roses.md"]
    async with hall.database.reader() as connection:
        for table, columns in (await tables_of_people(connection)).items():
            for column in columns:
                rows = await connection.execute_fetchall(
                    f"SELECT count(*) FROM {table} WHERE {column} = '4711'"
                )
                assert table in OTHERWISE or list(rows) == [(0,)], (table, column)
        kept = await connection.execute_fetchall(
            "SELECT message_id, question, answer FROM exchanges ORDER BY message_id"
        )
        assert list(kept) == [
            ("m3", "What does she mean?", "She asks."),
            ("m5", "What flowers?", ""),
            ("t0", "What of it?", "What of it? it is."),
        ]
    (still,) = await DurableInbox(hall.database).owed([Platform.DISCORD])
    assert (still.message.text, still.message.quoted) == ("What does she mean?", None)
    hers = hall.channels.at(ChannelRef(Platform.DISCORD, "dm-4711"))
    assert hers.persona == ""
    for base in await hall.library.bases():
        assert (await hall.library.verify(base.base_id)).problems == ()


async def test_her_files_can_stay_without_her_name(hall):
    await plant(hall)
    said = await hall.reply(whispered("/forgetme", ADA))
    await hall.press(said.buttons["Erase, leave the files"], ADA, channel="dm-4711")
    base = await hall.library.base("discord:town")
    left = await hall.library.documents(base.base_id)
    assert sorted(one.name for one in left) == sorted(
        f"{MARK} {number}.md" for number in range(12) if number != 3
    )
    assert {(one.uploader, one.uploader_id) for one in left} == {(None, None)}
    assert not await hall.library.added_by("discord:4711")


async def test_only_an_owner_forgets_others_and_nobody_is_asked_for_nothing(hall):
    await plant(hall)
    said = await hall.reply(whispered("/forgetme discord:4711", OTHER))
    assert said.failed
    said = await hall.reply(whispered("/forgetme discord:4711", OWNER))
    assert "discord:4711" in said.text
    await hall.press(said.buttons["Erase, files too"], OWNER, channel="dm-owner")
    assert holding(hall.folder) == []
    assert (await hall.reply(whispered("/forgetme nowhere:1", OWNER))).failed
    assert (await hall.reply(whispered("/forgetme", OTHER))).buttons["Cancel"].startswith("cancel")


async def test_what_a_process_that_died_left_half_done_is_finished_at_the_next_start(
    hall, monkeypatch
):
    await plant(hall)
    forgetting = Forgetting(hall.database, hall.library, hall.channels, hall.reviews)
    erase = hall.library.erase

    async def dying(doomed):
        await erase(doomed)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(hall.library, "erase", dying)
        with pytest.raises(KeyboardInterrupt):
            await forgetting.forget(HER, uploads=True)
    assert holding(hall.folder)
    assert await forgetting.finish() == 1
    await forgetting.prune()
    assert holding(hall.folder) == []
    assert await forgetting.finish() == 0


async def test_what_a_backup_brings_back_is_forgotten_anew(hall):
    forgetting = Forgetting(hall.database, hall.library, hall.channels, hall.reviews)
    await forgetting.forget(HER, uploads=True)
    wishes = await forgetting.wishes(0)
    assert [(wish.member, wish.uploads) for wish in wishes] == [(HER, True)]
    await plant(hall)
    for wish in wishes:
        await forgetting.again(wish)
    await forgetting.prune()
    assert holding(hall.folder) == []


async def test_what_she_said_before_is_told_from_what_she_says_afterwards(hall):
    forgetting = Forgetting(hall.database, hall.library, hall.channels, hall.reviews)
    inbox = DurableInbox(hall.database)
    asked = spoken("Where?", ADA, message_id="q7")
    earlier, later = (
        replace(asked, message_id=key, sent_at=asked.sent_at + timedelta(seconds=seconds))
        for key, seconds in (("q6", -60), ("q8", 0.001))
    )
    others = replace(asked, author=OTHER)
    await inbox.receive(asked)
    assert not await inbox.was_forgotten(asked)
    await forgetting.forget(HER, uploads=False)
    told = [await inbox.was_forgotten(one) for one in (earlier, asked, later, others)]
    assert told == [True, True, False, False]
    # Once more, and by way of a backup from before: it is no less forgotten.
    (wish,) = await forgetting.wishes(0)
    await forgetting.forget(HER, uploads=False)
    assert await inbox.was_forgotten(asked)
    async with hall.database.transaction() as connection:
        await connection.execute("DELETE FROM forgotten")
    assert not await inbox.was_forgotten(asked)
    await forgetting.again(wish)
    assert await inbox.was_forgotten(asked)


async def test_of_every_column_it_is_known_whether_it_names_a_person(hall):
    async with hall.database.reader() as connection:
        rows = await connection.execute_fetchall(
            "SELECT tables.name, columns.name FROM sqlite_master AS tables,"
            " pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'"
        )
        covered = await tables_of_people(connection)
    named = {
        (table, column)
        for table, column in rows
        if column.endswith(("_id", "_by")) or column in ("contact", "member", "person", "who")
    }
    unknown = {
        (table, column)
        for table, column in named
        if column not in NOBODY_S
        and (table, column) not in SEEN_TO
        and not (column in PEOPLE and table in covered)
    }
    assert unknown == set()
    assert set(OTHERWISE) <= set(covered)


async def test_what_her_questions_cost_stays_in_the_sums_without_her_number(hall):
    hours = 86_400 * 2
    yesterday = Spending(hall.database, lambda: datetime.fromtimestamp(hours, UTC))
    today = Spending(hall.database, lambda: datetime.fromtimestamp(hours + 86_400, UTC))
    for spending in (yesterday, today):
        meter = spending.meter("cloud", EngineSettings(input_price=1.0))
        for member in (HER.user_id, "other"):
            asker = Asker(ChannelRef(HER.platform, "town"), member, server_id="9")
            meter.hold(asker, Usage(0, 0)).settle(Usage(1_000_000, 0, estimated=True))
        await spending.settle()
    now = [hours + 86_400.0]
    forgetting = Forgetting(
        hall.database, hall.library, hall.channels, hall.reviews, clock=lambda: now[0]
    )
    await forgetting.forget(HER, uploads=True)
    # What limits hold by stays for its day.
    assert await today.of_member(HER, month=True) == 1
    now[0] += 86_400
    await forgetting.prune()
    assert await yesterday.of_member(HER) == 0
    assert await yesterday.of_server(ServerRef(HER.platform, "9")) == 4
    async with hall.database.reader() as connection:
        rows = await connection.execute_fetchall(
            "SELECT user_id, estimated, micros FROM spend ORDER BY day, user_id"
        )
    assert [tuple(row) for row in rows] == [
        ("", 1, 1_000_000),
        ("other", 1, 1_000_000),
    ] * 2


# Export


async def test_an_export_holds_what_is_kept_of_her_and_nothing_of_others(hall):
    await plant(hall)
    await ask(hall, spoken("Eve's own question?", OTHER, message_id="e1"), "Eve's own answer.")
    said = await hall.reply(whispered("/export", ADA))
    (file,) = [event for event in said.events if isinstance(event, FileReply)]
    held = json.loads(file.data)
    questions = [row["question"] for row in held["records"]["exchanges"]]
    assert questions == [f"edited {MARK}", f"secret {MARK}", f"the {MARK}", f"more of {MARK}"]
    assert [row["text"] for row in held["summaries"]] == [f"They speak of {MARK}."] * 2
    assert held["records"]["feedback"][0]["verdict"] == "down"
    assert len(held["uploads"]) == 12
    assert held["notes"][0]["answer"] == f"{MARK} is there."
    assert held["private_settings"] == {"persona": f"a {MARK}"}
    assert held["waiting_for_review"][0]["files"] == [f"{MARK}.md"]
    assert b"Eve" not in file.data
    assert b"token" not in file.data


async def test_in_a_group_an_export_goes_to_her_alone(hall):
    await plant(hall)
    said = await hall.types("/export", ADA)
    assert "in private" in said.text
    assert not any(isinstance(event, FileReply) for event in said.events)


async def test_an_anonymous_administrator_is_nobody(hall):
    group = Author("town", "Fair", is_channel_admin=True)
    for command in ("/export", "/forgetme"):
        assert (await hall.types(command, group)).failed


async def test_privacy_counts_what_there_is_of_who_asks_here(hall):
    await plant(hall)
    said = await hall.types("/privacy", ADA)
    assert "2 questions, 1 👍 or 👎, 12 files" in said.text
    assert "after 30 days" in said.text
    assert "/forgetme" in said.text


async def test_a_job_that_found_her_own_base_damaged_no_longer_names_it(hall):
    rows = JobRows(hall.database)
    for name, base in (("hers", "discord:@4711"), ("other", "discord:town")):
        await rows.ensure(Schedule(name, "0 4 * * *"))
        await rows.end(
            name, Outcome.FAILED, lambda _, base=base: f"{_.language}: wrong in `{base}`.", "abc123"
        )
    forgetting = Forgetting(hall.database, hall.library, hall.channels, hall.reviews)
    await forgetting.forget(HER, uploads=False)
    hers, other = await rows.all()
    assert (hers.outcome, hers.detail, hers.reference) == (Outcome.FAILED, "", "abc123")
    assert (hers.said, other.detail) == ({}, "en: wrong in `discord:town`.")
    assert other.said == {tag: f"{tag}: wrong in `discord:town`." for tag in ("en", "zh")}
