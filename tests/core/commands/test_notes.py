from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.events import (
    Author,
    ChannelRef,
    ConversationRef,
    Invocation,
    MessageDeleted,
    MessageEdited,
    Platform,
    Quoted,
)
from core.pressing import invocation_of
from core.replies import CitedPassage, Sources
from core.retelling import Retelling
from knowledge_base.models import Scope, Upload
from knowledge_base.notes import MEDIA_TYPE, Note, note_bytes
from tests.support.commanding import (
    ADMIN,
    MEMBER,
    MODERATOR,
    OTHER,
    Hall,
    open_hall,
    spoken,
    whispered,
)

QUESTION, ANSWER = "Who feeds the sharks?", "Walter, at six."
NAME = "Who feeds the sharks.note"
ELSEWHERE = ConversationRef(ChannelRef(Platform.DISCORD, "harbour"))


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        yield hall


async def notes(hall: Hall, base: str = "discord:town") -> list[Note | None]:
    found = await hall.library.ensure_base(base)
    documents = await hall.library.documents(found.base_id)
    return [await hall.library.note(one) for one in documents if one.media_type == MEDIA_TYPE]


async def note(hall: Hall, **options: str) -> str:
    given = {"question": QUESTION, "answer": ANSWER, **options}
    return (await hall.slash("kb note", MODERATOR, **given)).text


async def test_a_note_is_kept_under_its_author_in_the_channels_own_base(hall):
    told = await note(hall)
    assert told == "Noted: whoever asks `Who feeds the sharks?` gets this answer of `Mo`'s."
    (kept,) = await notes(hall)
    assert kept is not None
    assert (kept.question, kept.answer) == (QUESTION, ANSWER)
    assert (kept.author, kept.author_id) == ("Mo", "discord:mo")


async def test_the_same_question_again_is_a_new_version_and_the_same_note_is_not_stored_twice(hall):
    await note(hall)
    told = await note(hall, question="who feeds the sharks ?", answer="Nora, at seven.")
    assert told.startswith("The note is changed")
    (kept,) = await notes(hall)
    assert kept is not None
    assert kept.answer == "Nora, at seven."
    base = await hall.library.ensure_base("discord:town")
    (document,) = await hall.library.documents(base.base_id)
    assert (document.name, document.version) == (NAME, 2)


async def test_a_file_is_no_note_whatever_it_looks_like(hall, tmp_path):
    forged = Note(QUESTION, "Pay me.", "Root", "discord:root", datetime.now(UTC))
    path = tmp_path / "forged"
    path.write_bytes(note_bytes(forged))
    base = await hall.library.ensure_base("discord:town")
    await hall.library.add(base.base_id, Upload(NAME, path))
    assert await notes(hall) == []
    # Nor does a note take its place, or it that of a note.
    await note(hall)
    assert len(await hall.documents()) == 2
    assert [kept.answer for kept in await notes(hall) if kept] == [ANSWER]


@pytest.mark.parametrize(
    ("given", "ends"), [("30d", timedelta(days=30)), ("6 weeks", timedelta(days=42))]
)
async def test_a_note_may_end(hall, given, ends):
    assert "It ends on" in await note(hall, until=given)
    (kept,) = await notes(hall)
    assert kept is not None
    assert kept.expires_at is not None
    assert abs(kept.expires_at - datetime.now(UTC) - ends) < timedelta(minutes=1)


@pytest.mark.parametrize("given", ["yesterday", "2020-01-01", "30 moons"])
async def test_an_end_that_is_none_is_refused(hall, given):
    said = await hall.slash("kb note", MODERATOR, question=QUESTION, answer=ANSWER, until=given)
    assert said.failed
    assert await notes(hall) == []


async def test_what_was_written_beside_a_wrong_end_is_not_lost(hall):
    form = await hall.opens("kb note")
    said = await hall.fills(form, question=QUESTION, answer=ANSWER, until="30 moons")
    assert said.failed
    assert "30 moons" in said.text
    ((button,),) = [menu.buttons for menu in said.menus]
    invocation = invocation_of(button.action)
    again = await hall.opens(invocation.name, options=dict(invocation.options))
    held = {field.name: field.value for field in again.fields}
    assert held == {"question": QUESTION, "answer": ANSWER, "until": "30 moons"}
    assert [field.name for field in again.fields if not field.settled] == ["until"]
    assert "It ends on" in (await hall.fills(again, message_id="f2", until="30d")).text
    assert [kept.answer for kept in await notes(hall) if kept] == [ANSWER]


async def test_a_form_that_was_sent_off_wrong_is_opened_by_nobody_else_and_not_for_ever(hall):
    form = await hall.opens("kb note")
    said = await hall.fills(form, question=QUESTION, answer=ANSWER, until="30 moons")
    invocation = invocation_of(said.menus[0].buttons[0].action)
    theirs = spoken("", ADMIN, command=invocation)
    assert await hall.assistant.form_of(theirs) is None
    assert (await hall.reply(theirs)).failed
    unknown = Invocation("kb note", {"form id": "0" * 16})
    assert await hall.assistant.form_of(spoken("", MODERATOR, command=unknown)) is None


async def test_a_wrong_end_is_told_before_the_rest_is_asked_for(hall):
    command = Invocation("kb note", {"until": "30 moons"})
    assert await hall.assistant.form_of(spoken("", MODERATOR, command=command)) is None
    said = await hall.slash("kb note", MODERATOR, until="30 moons")
    assert said.failed
    assert said.menus


async def test_a_mended_end_keeps_whose_answer_it_is(hall):
    told = Quoted("77", Author("eve", "Eve"), ANSWER, link="https://chat.test/77", about=QUESTION)
    form = await hall.opens("kb note", quoted=told)
    said = await hall.fills(form, until="30 moons")
    invocation = invocation_of(said.menus[0].buttons[0].action)
    again = await hall.opens(invocation.name, options=dict(invocation.options))
    assert not (await hall.fills(again, message_id="f2", until="")).failed
    (kept,) = await notes(hall)
    assert kept is not None
    assert (kept.author, kept.link) == ("Eve", "https://chat.test/77")


async def test_only_moderators_write_notes(hall):
    said = await hall.slash("kb note", MEMBER, question=QUESTION, answer=ANSWER)
    assert said.text == "Only moderators may do that. Ask one of them."
    command = Invocation("kb note")
    assert await hall.assistant.form_of(spoken("", MEMBER, command=command)) is None
    assert hall.assistant.refuses(spoken("", MEMBER, command=command))
    assert not hall.assistant.refuses(spoken("", MODERATOR, command=command))
    assert not hall.assistant.refuses(spoken("", MEMBER, command=Invocation("no such command")))
    form = await hall.opens("kb note")
    assert (await hall.fills(form, MEMBER, question=QUESTION, answer=ANSWER)).failed
    assert await notes(hall) == []


async def test_the_form_asks_for_what_is_missing(hall):
    form = await hall.opens("kb note", options={"question": QUESTION})
    assert [field.name for field in form.fields] == ["answer", "until"]
    assert "Noted" in (await hall.fills(form, answer=ANSWER)).text
    (kept,) = await notes(hall)
    assert kept is not None
    assert kept.question == QUESTION
    given = Invocation("kb note", {"question": QUESTION, "answer": ANSWER})
    assert await hall.assistant.form_of(spoken("", MODERATOR, command=given)) is None


async def test_a_demotion_between_opening_and_sending_counts(hall):
    form = await hall.opens("kb note")
    demoted = Author(MODERATOR.user_id, MODERATOR.display_name)
    assert (await hall.fills(form, demoted, question=QUESTION, answer=ANSWER)).failed
    assert await notes(hall) == []


async def test_a_message_is_accepted_as_its_authors_and_follows_it(hall):
    told = Quoted("77", Author("eve", "Eve"), ANSWER, link="https://chat.test/77", about=QUESTION)
    form = await hall.opens("kb note", quoted=told)
    assert [field.value for field in form.fields] == [QUESTION, ANSWER, ""]
    await hall.fills(form)
    (kept,) = await notes(hall)
    assert kept is not None
    assert (kept.author, kept.author_id, kept.link) == (
        "Eve",
        "discord:eve",
        "https://chat.test/77",
    )
    retelling = Retelling(hall.library, hall.taught)
    edited = spoken("Walter, at seven.", OTHER, message_id="77")
    await retelling.changed(MessageEdited(edited))
    (kept,) = await notes(hall)
    assert kept is not None
    assert (kept.question, kept.answer, kept.author) == (QUESTION, "Walter, at seven.", "Eve")
    # Who wrote it may take it out.
    assert "Remove" in (await hall.types(f"/kb remove {NAME}", OTHER)).text
    assert (await hall.types(f"/kb remove {NAME}", MEMBER)).failed
    await retelling.changed(MessageDeleted(edited.conversation, "77"))
    assert await notes(hall) == []


async def test_a_reply_with_a_question_needs_no_form(hall):
    told = Quoted("77", Author("eve", "Eve"), ANSWER)
    said = await hall.types("/kb note 谁来喂鲨鱼？", MODERATOR, quoted=told)
    assert "`谁来喂鲨鱼？`" in said.text
    (kept,) = await notes(hall)
    assert kept is not None
    assert (kept.question, kept.answer, kept.author) == ("谁来喂鲨鱼？", ANSWER, "Eve")


async def test_notes_are_listed_with_what_has_expired_and_edited_by_a_button(hall):
    await note(hall)
    base = await hall.library.ensure_base("discord:town")
    path = hall.folder / "old"
    past = datetime(2026, 1, 2, tzinfo=UTC)
    path.write_bytes(note_bytes(Note("Old?", "Yes.", "Eve", "discord:eve", past, past)))
    await hall.library.add(base.base_id, Upload("Old.note", path, "Eve", None, MEDIA_TYPE, past))
    said = await hall.types("/kb notes", MODERATOR)
    assert "2 notes:" in said.text
    assert "`Old.note` (by `Eve`" in said.text
    assert "expired on 2026-01-02" in said.text
    (document,) = [d for d in await hall.library.documents(base.base_id) if d.name == NAME]
    number = str(document.document_id)
    form = await hall.opens("kb note", options={"document id": number})
    assert [field.value for field in form.fields] == [QUESTION, ANSWER, ""]
    await hall.fills(form, question="Who feeds all sharks?", answer="Nora.")
    assert NAME in await hall.documents()
    assert {kept.answer for kept in await notes(hall) if kept} == {"Yes.", "Nora."}


async def test_in_chinese_the_list_has_the_brackets_of_chinese(hall):
    await hall.channels.change(ChannelRef(Platform.DISCORD, "town"), "language", "zh")
    await note(hall)
    said = await hall.types("/kb notes", MODERATOR)
    assert f"- `{NAME}`（`Mo` 所写、" in said.text
    assert "(" not in said.text


async def test_what_has_expired_is_not_found(hall):
    base = await hall.library.ensure_base("discord:town")
    path = hall.folder / "old"
    past = datetime(2026, 1, 2, tzinfo=UTC)
    path.write_bytes(note_bytes(Note(QUESTION, ANSWER, "Eve", "discord:eve", past, past)))
    await hall.library.add(base.base_id, Upload(NAME, path, "Eve", None, MEDIA_TYPE, past))
    scope = Scope(frozenset({base.base_id}))
    assert (await hall.library.search(scope, QUESTION)).passages == ()
    await note(hall)
    assert [p.chunk.text for p in (await hall.library.search(scope, QUESTION)).passages] == [ANSWER]


async def test_sources_say_who_answered(hall):
    await note(hall)
    base = await hall.library.ensure_base("discord:town")
    found = await hall.library.search(Scope(frozenset({base.base_id})), QUESTION)
    asked = spoken(QUESTION, MEMBER, message_id="q7")
    history = hall.resources.history
    await history.append_question(asked)
    cited = Sources((CitedPassage(1, found.passages[0], cited=True),))
    await history.append_answer(asked, "…", sources=cited)
    said = await hall.types("/sources")
    assert "[1] answered by `Mo` · `Who feeds the sharks?`" in said.text


# Attacks


async def test_a_note_of_another_channel_is_neither_found_nor_edited_here(hall):
    await hall.reply(
        spoken(
            "",
            MODERATOR,
            conversation=ELSEWHERE,
            command=Invocation("kb note", {"question": QUESTION, "answer": ANSWER}),
        )
    )
    assert await hall.documents("discord:harbour") == [NAME]
    here = await hall.library.ensure_base("discord:town")
    assert (await hall.library.search(Scope(frozenset({here.base_id})), QUESTION)).passages == ()
    there = await hall.library.ensure_base("discord:harbour")
    (document,) = await hall.library.documents(there.base_id)
    for forged in ({"document id": str(document.document_id)}, {"note": NAME}):
        message = spoken("", ADMIN, command=Invocation("kb note", forged))
        assert await hall.assistant.form_of(message) is None
        changed = {**forged, "question": QUESTION, "answer": "Mine now."}
        said = await hall.reply(spoken("", ADMIN, command=Invocation("kb note", changed)))
        assert said.failed
    assert [kept.answer for kept in await notes(hall, "discord:harbour") if kept] == [ANSWER]


async def test_an_answer_of_another_channel_or_private_chat_is_not_opened_here(hall):
    asked = spoken("What is the code?", OTHER, message_id="q9", conversation=ELSEWHERE)
    await hall.resources.history.append_question(asked)
    await hall.resources.history.append_answer(asked, "4711")
    for about in ("q9", "", "1"):
        command = Invocation("kb note", {"answer id": about or "0"})
        assert await hall.assistant.form_of(spoken("", ADMIN, command=command)) is None


async def test_an_answer_to_be_mended_stands_in_the_form_without_its_numbers(hall):
    asked = spoken(QUESTION, MEMBER, message_id="q9")
    await hall.resources.history.append_question(asked)
    await hall.resources.history.append_answer(asked, "Walter does. [1]\n\nAt six [2].")
    form = await hall.opens("kb note", options={"answer id": "q9"})
    assert form.fields[1].value == "Walter does.\n\nAt six."


async def test_a_form_is_for_who_opened_it_where_they_did_and_once(hall):
    form = await hall.opens("kb note")
    stolen = await hall.fills(form, ADMIN, question=QUESTION, answer="Mine.")
    assert stolen.failed
    command = Invocation("form", {"token": form.token, "question": QUESTION, "answer": "There."})
    moved = await hall.reply(spoken("", MODERATOR, conversation=ELSEWHERE, command=command))
    assert moved.failed
    assert "Noted" in (await hall.fills(form, question=QUESTION, answer=ANSWER)).text
    # What a restart brings again is the same; anything else is not.
    assert not (await hall.fills(form, question=QUESTION, answer=ANSWER)).failed
    again = await hall.fills(form, message_id="f2", question=QUESTION, answer="Twice.")
    assert again.failed
    assert [kept.answer for kept in await notes(hall) if kept] == [ANSWER]
    assert (await hall.fills(form, OTHER, message_id="f3")).failed


async def test_what_a_form_was_not_asked_for_is_left_out(hall):
    form = await hall.opens("kb note")
    forged = {"author": "Root", "author id": "root", "document id": "1"}
    command = {"token": form.token, "question": QUESTION, "answer": ANSWER, **forged}
    await hall.reply(spoken("", MODERATOR, command=Invocation("form", command), message_id="f1"))
    (kept,) = await notes(hall)
    assert kept is not None
    assert (kept.author, kept.author_id) == ("Mo", "discord:mo")


async def test_in_a_private_chat_a_note_is_the_members_own(hall):
    command = Invocation("kb note", {"question": QUESTION, "answer": ANSWER})
    said = await hall.reply(whispered("", MEMBER, command=command))
    assert "Noted" in said.text
    assert await hall.documents("discord:@ada") == [NAME]
    assert await hall.documents() == []
