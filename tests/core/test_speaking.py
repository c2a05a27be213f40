"""Speaking unasked: which messages, how reserved, what stays of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from core.events import (
    Attachment,
    ChannelRef,
    Invocation,
    MemberRef,
    MessageDeleted,
    MessageEdited,
    Platform,
    Trigger,
)
from core.permissions import Listed, Rules
from core.settings import SpeakingSettings
from core.speaking import Unasked
from tests.support import virtual_time
from tests.support.messages import author, conversation, group
from tests.support.recording_outbox import RecordingOutbox
from tests.support.speaking_town import EVER, KNOWS_KEYS, overheard, speaking_town

ANSWER = "Press the red knob."
TOWN = ChannelRef(Platform.DISCORD, "town")
ASKS = "How do I reset the pump?"
OTHER = "How do I bake bread here?"


async def test_every_question_is_answered_where_that_was_chosen(tmp_path):
    async with speaking_town(tmp_path) as town:
        await town.hear(overheard(ASKS, "q1"), overheard("这个水泵怎么重启？", "q2", user="bob"))
        assert [(text.split("\n")[0], thread, to) for text, thread, to in town.said] == [
            (ANSWER, None, "q1"),
            (ANSWER, None, "q2"),
        ]
        assert {message.trigger for message in town.answered} == {Trigger.UNASKED}


async def test_nothing_is_shown_before_there_is_an_answer(tmp_path):
    async with speaking_town(tmp_path) as town:
        town.held[ASKS] = asyncio.Event()
        town.dispatcher.submit(overheard(ASKS, "q1"))
        await town.until(lambda: town.answered)
        assert town.outbox.calls == []
        town.held[ASKS].set()
        await town.idle()
        assert [call.split()[0] for call in town.outbox.calls] == ["send"]


@pytest.mark.parametrize("speaks", ["off", "addressed", "threads"])
async def test_elsewhere_a_question_that_nobody_put_to_us_leaves_no_trace(tmp_path, speaks):
    async with speaking_town(tmp_path, speaks=speaks) as town:
        await town.hear(overheard(ASKS, "q1"))
        assert (town.said, town.answered, await town.rows()) == ([], [], 0)


async def test_unasked_a_refusal_is_never_posted_and_nothing_of_the_question_stays(tmp_path):
    async with speaking_town(tmp_path) as town:
        await town.hear(overheard(OTHER, "q1"))
        assert (town.outbox.calls, town.answered, await town.rows()) == ([], [], 0)

        async def covers_all(message, least):
            return True

        town.documents.cover = covers_all
        await town.hear(overheard(OTHER, "q2"))
        assert [message.text for message in town.answered] == [OTHER]
        assert (town.outbox.calls, await town.rows()) == ([], 0)


async def test_chatter_is_not_even_searched_for(tmp_path):
    async with speaking_town(tmp_path) as town:
        said = (
            "The pump is loud.",
            "are you there?",
            "@Bob what about the pump?",
            "/kb remove pump?",
        )
        await town.hear(*(overheard(text, str(n)) for n, text in enumerate(said)))
        assert (town.documents.asked, town.said, await town.rows()) == ([], [], 0)


async def test_a_reply_to_somebody_is_between_the_two(tmp_path):
    async with speaking_town(tmp_path) as town:
        await town.hear(overheard(ASKS, "q1", answers=("m9", "bob")))
        assert town.said == []
        await town.hear(overheard(ASKS, "q2", answers=("m9", "ada")))
        assert [to for _, _, to in town.said] == ["q2"]


async def test_a_new_post_is_answered_with_its_title_where_that_was_chosen(tmp_path):
    async with speaking_town(tmp_path, speaks="threads") as town:
        await town.hear(
            overheard(
                "It stopped last night.", "p1", thread="p1", opened_by="ada", title="Pump dead"
            ),
            overheard("And the pump here?", "p2", user="bob", thread="p1", opened_by="ada"),
            overheard(ASKS, "p3", thread="old", opened_by="ada", opened_ago=timedelta(hours=2)),
        )
        assert [(thread, to) for _, thread, to in town.said] == [("p1", "p1")]
        assert town.answered[0].text == "Pump dead\nIt stopped last night."


async def test_what_the_asker_adds_belongs_to_the_question_also_after_a_restart(tmp_path):
    outbox = RecordingOutbox(KNOWS_KEYS)
    async with speaking_town(tmp_path, settings=EVER, outbox=outbox) as town:
        town.dispatcher.submit(overheard("How do I reset this thing?", "q1"))
        await town.until(lambda: town.speaking._under_way)
        town.dispatcher.submit(overheard("It is the pump in the cellar", "q2"))
        async with asyncio.timeout(20):
            while "pump" not in (await town.question(conversation("town"), "q1") or ""):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert (town.documents.asked, outbox.calls) == ([], [])
    async with speaking_town(tmp_path, settings=EVER, outbox=outbox) as town:
        assert await town.dispatcher.resume() == 1
        await town.idle()
        assert [m.text for m in town.answered] == [
            "How do I reset this thing?\nIt is the pump in the cellar"
        ]
        assert [to for _, _, to in town.said] == ["q1"]
        assert await town.dispatcher.resume() == 0


def test_the_askers_next_message_is_waited_for_each_time_anew():
    async def watch():
        loop, closing = asyncio.get_running_loop(), asyncio.Event()
        unasked = Unasked(overheard("How?"), gathers=True)
        loop.call_later(5, unasked.add, overheard("The pump.", "2"))
        assert await unasked.gathered(8, closing)
        assert (loop.time(), unasked.gathers) == (5, True)
        assert not await unasked.gathered(8, closing)
        assert (loop.time(), unasked.gathers) == (13, False)
        assert unasked.message.text == "How?\nThe pump."

    virtual_time.run(watch())


@pytest.mark.parametrize("end", ["withdraw", "close"])
def test_a_question_that_is_withdrawn_waits_no_longer(end):
    async def watch():
        loop, closing = asyncio.get_running_loop(), asyncio.Event()
        unasked = Unasked(overheard("How?"), gathers=True)
        loop.call_later(2, unasked.withdraw if end == "withdraw" else closing.set)
        assert not await unasked.gathered(8, closing)
        assert loop.time() == 2

    virtual_time.run(watch())


async def test_who_turns_to_us_after_all_is_answered_once(tmp_path):
    async with speaking_town(tmp_path, settings=EVER) as town:
        town.dispatcher.submit(overheard(ASKS, "q1"))
        await town.until(lambda: town.speaking._under_way)
        await town.hear(replace(group("the pump, I mean", "q2"), server_id="s1"))
        assert [to for _, _, to in town.said] == ["q2"]
        assert await town.question(conversation("town"), "q1") is None


async def test_somebody_elses_reply_leaves_the_question_to_them(tmp_path):
    async with speaking_town(tmp_path, settings=EVER) as town:
        town.dispatcher.submit(overheard(ASKS, "q1"))
        await town.until(lambda: town.speaking._under_way)
        await town.hear(overheard("The red one.", "r1", user="bob", answers=("q1", "ada")))
        assert (town.said, await town.rows()) == ([], 0)


MODERATOR = replace(author("mod"), is_moderator=True)
HELPER = replace(author("helper"), role_ids=frozenset({"77"}))


@pytest.mark.parametrize("who", [MODERATOR, HELPER], ids=["moderator", "helper"])
async def test_in_a_thread_it_ends_when_a_helper_speaks_also_after_a_restart(tmp_path, who):
    async with speaking_town(tmp_path) as town:
        await town.places.channels.change(TOWN, "helpers", "@77")
        await town.hear(
            overheard(
                "I look into it.", "h1", user=who.user_id, by=who, thread="t1", opened_by="ada"
            ),
            overheard(ASKS, "q1", thread="t1", opened_by="ada"),
        )
        assert town.said == []
    async with speaking_town(tmp_path) as town:
        await town.hear(overheard(ASKS, "q2", thread="t1"), overheard(ASKS, "q3", thread="t2"))
        assert [to for _, _, to in town.said] == ["q3"]


async def test_a_helper_who_speaks_meanwhile_has_the_word(tmp_path):
    async with speaking_town(tmp_path) as town:
        town.held[ASKS] = asyncio.Event()
        town.dispatcher.submit(overheard(ASKS, "q1", thread="t1"))
        await town.until(lambda: town.answered)
        town.dispatcher.submit(overheard("Wait.", "h1", by=MODERATOR, thread="t1", user="mod"))
        await town.idle()
        assert (town.outbox.calls, await town.question(conversation("town", "t1"), "q1")) == (
            [],
            None,
        )


async def test_a_moderator_may_open_a_post_themselves(tmp_path):
    async with speaking_town(tmp_path) as town:
        await town.hear(
            overheard(ASKS, "q1", by=MODERATOR, thread="t1", opened_by="mod", user="mod")
        )
        assert [to for _, _, to in town.said] == ["q1"]


async def test_in_a_post_that_is_settled_nothing_is_said_unasked(tmp_path):
    async with speaking_town(tmp_path) as town:
        await town.hear(overheard(ASKS, "q1", thread="t1", settled=True))
        assert (town.said, await town.rows()) == ([], 0)


async def test_so_many_a_thread_and_so_many_a_channel_within_an_hour(tmp_path):
    settings = SpeakingSettings(second_message_seconds=0, thread_hourly=2, channel_hourly=3)
    async with speaking_town(tmp_path, settings=settings) as town:
        await town.hear(
            *(overheard(ASKS, f"a{n}", thread="t1", user=f"u{n}") for n in range(4)),
            *(overheard(ASKS, f"b{n}", user=f"u{n}") for n in range(3)),
        )
        assert [to for _, _, to in town.said] == ["a0", "a1", "b0"]
        town.speaking.reserve._clock = lambda: overheard("").sent_at.timestamp() + 3700
        await town.hear(overheard(ASKS, "c1", thread="t1"))
        assert [to for _, _, to in town.said][3:] == ["c1"]


async def test_in_a_thread_the_asker_goes_on_without_mentioning_us_also_after_a_restart(tmp_path):
    asked = replace(group("Which pump is it?", "q1", thread="t1"), server_id="s1")
    async with speaking_town(tmp_path, speaks="addressed") as town:
        await town.hear(
            asked,
            overheard("and the bread?", "q2", thread="t1"),
            overheard("thanks!", "q3", thread="t1"),
            overheard("And what about the pump?", "q4", thread="t1", user="bob"),
            overheard("And what about the pump?", "q5"),
        )
        assert [to for _, _, to in town.said] == ["q1", "q2"]
        assert "nothing about this" in town.said[1][0]
    async with speaking_town(tmp_path, speaks="addressed") as town:
        await town.hear(overheard("and the other pump?", "q6", thread="t1"))
        assert [to for _, _, to in town.said] == ["q6"]
        assert town.answered[0].trigger is Trigger.REPLY


async def test_what_the_asker_tells_in_their_thread_gets_no_refusal(tmp_path):
    async with speaking_town(tmp_path, speaks="addressed") as town:
        await town.hear(
            replace(group("Which pump is it?", "q1", thread="t1"), server_id="s1"),
            overheard("My bread was very good today", "q2", thread="t1"),
            overheard("It says pump failure on the panel", "q3", thread="t1"),
        )
        assert [to for _, _, to in town.said] == ["q1", "q3"]


async def test_when_a_helper_has_spoken_the_asker_talks_to_them(tmp_path):
    async with speaking_town(tmp_path, speaks="addressed") as town:
        await town.hear(
            replace(group("Which pump is it?", "q1", thread="t1"), server_id="s1"),
            overheard("The red one.", "h1", by=MODERATOR, user="mod", thread="t1"),
            overheard("and where is the pump?", "q2", thread="t1"),
            replace(group("and where is the pump?", "q3", thread="t1"), server_id="s1"),
        )
        assert [to for _, _, to in town.said] == ["q1", "q3"]


async def test_in_a_thread_that_we_opened_the_asker_goes_on(tmp_path):
    async with speaking_town(tmp_path, speaks="addressed") as town:
        await town.places.channels.change(TOWN, "answers_in", "thread")
        await town.hear(
            replace(group("Which pump is it?", "q1"), server_id="s1"),
            overheard("and the other pump?", "q2", thread="q1"),
            overheard("and the other pump?", "q3", thread="q1", user="bob"),
        )
        assert [(thread, to) for _, thread, to in town.said] == [("q1", "q1"), ("q1", "q2")]


@pytest.mark.parametrize("policy", ["owner", "open"])
async def test_who_is_blocked_and_who_is_not_admitted_hears_nothing(tmp_path, policy):
    ada = Listed(members=frozenset({MemberRef(Platform.DISCORD, "ada")}))
    rules = Rules(blocked=ada) if policy == "open" else Rules()
    async with speaking_town(tmp_path, policy=policy, rules=rules) as town:
        await town.hear(overheard(ASKS, "q1"))
        assert (town.outbox.calls, town.answered, await town.rows()) == ([], [], 0)


async def test_while_paused_and_from_bots_nothing_is_heard(tmp_path):
    async with speaking_town(tmp_path) as town:
        await town.hear(overheard(ASKS, "b1", by=replace(author("robot"), is_bot=True)))
        await town.places.channels.pause(TOWN)
        await town.hear(overheard(ASKS, "q1"))
        assert (town.outbox.calls, town.answered, await town.rows()) == ([], [], 0)


async def test_a_question_gets_a_thread_where_the_channel_wants_one(tmp_path):
    async with speaking_town(tmp_path) as town:
        await town.places.channels.change(TOWN, "answers_in", "thread")
        await town.hear(
            overheard(ASKS, "q1"), replace(group("and the pump?", "q2", user="bob"), server_id="s1")
        )
        assert [(thread, to) for _, thread, to in town.said] == [("q1", "q1"), ("q2", "q2")]
        # The same again, as after a reconnect.
        await town.hear(replace(group("and the pump?", "q2", user="bob"), server_id="s1"))
        assert len(town.said) == 2


async def test_where_no_thread_can_be_opened_the_answer_is_in_place(tmp_path):
    async with speaking_town(tmp_path) as town:
        town.outbox.has_threads = False
        await town.places.channels.change(TOWN, "answers_in", "thread")
        await town.hear(overheard(ASKS, "q1"))
        assert [(thread, to) for _, thread, to in town.said] == [(None, "q1")]


async def test_an_edit_reaches_the_thread_and_a_deletion_empties_it(tmp_path):
    async with speaking_town(tmp_path) as town:
        await town.places.channels.change(TOWN, "answers_in", "thread")
        asked = replace(group("the bread?", "q1"), server_id="s1")
        await town.hear(asked)
        town.dispatcher.submit(MessageEdited(replace(asked, text="the pump?")))
        await town.idle()
        ((text, thread, _),) = town.said
        assert (text.split("\n")[0], thread) == (ANSWER, "q1")
        town.dispatcher.submit(MessageDeleted(asked.conversation, "q1"))
        await town.idle()
        assert town.said == []


async def test_an_unasked_answer_follows_the_edit_of_its_question(tmp_path):
    async with speaking_town(tmp_path) as town:
        asked = overheard(ASKS, "q1")
        town.held[ASKS] = asyncio.Event()
        town.dispatcher.submit(asked)
        await town.until(lambda: town.answered)
        edited = replace(asked, text="How do I reset the old pump?")
        town.dispatcher.submit(MessageEdited(edited))
        await town.until(lambda: len(town.answered) == 2)
        await town.idle()
        assert [(m.text, m.trigger) for m in town.answered][1] == (edited.text, Trigger.UNASKED)
        assert [to for _, _, to in town.said] == ["q1"]


async def test_a_thread_below_a_question_that_was_answered_above_gets_no_second_answer(tmp_path):
    async with speaking_town(tmp_path) as town:
        await town.hear(
            overheard(ASKS, "q1"),
            overheard(ASKS, "q1", thread="q1", opened_by="ada"),
            overheard(ASKS, "q2", thread="q2", opened_by="ada"),
        )
        assert [(thread, to) for _, thread, to in town.said] == [(None, "q1"), ("q2", "q2")]


async def test_what_breaks_while_nobody_asked_is_told_to_nobody(tmp_path, caplog):
    async with speaking_town(tmp_path) as town:

        async def breaks(message, least):
            raise RuntimeError("a fault of ours")

        town.documents.cover = breaks
        await town.hear(overheard(ASKS, "q1"))
        assert (town.outbox.calls, await town.rows()) == ([], 0)
        assert "unexpected failure" in caplog.text
        assert town.speaking._under_way == {}


async def test_an_answer_that_a_kill_cut_off_is_given_once_by_the_next_run(tmp_path):
    outbox = RecordingOutbox(KNOWS_KEYS)
    async with speaking_town(tmp_path, outbox=outbox) as town:
        town.held[ASKS] = asyncio.Event()
        town.dispatcher.submit(overheard(ASKS, "q1"))
        await town.until(lambda: town.answered)
    assert outbox.messages == {}
    async with speaking_town(tmp_path, outbox=outbox) as town:
        assert await town.dispatcher.resume() == 1
        await town.idle()
        await town.hear(overheard(ASKS, "q1"))
        assert [to for _, _, to in town.said] == ["q1"]
        assert await town.dispatcher.resume() == 0


async def test_what_looks_like_a_command_is_none_where_nobody_asked(tmp_path):
    async with speaking_town(tmp_path, speaks="addressed") as town:
        await town.hear(
            replace(group("Which pump is it?", "q1", thread="t1"), server_id="s1"),
            overheard("/kb remove pump.pdf?", "q2", thread="t1"),
            overheard("!kb remove the pump?", "q3", thread="t1"),
        )
        assert [to for _, _, to in town.said] == ["q1"]


async def test_questions_that_nobody_put_to_us_are_not_looked_up_without_end(tmp_path):
    settings = SpeakingSettings(second_message_seconds=0, channel_hourly=1)
    async with speaking_town(tmp_path, settings=settings) as town:
        await town.hear(*(overheard(OTHER, f"q{n}", user=f"u{n}") for n in range(8)))
        assert len(town.documents.asked) == 5
        assert town.speaking._under_way == {}


async def test_of_a_question_that_was_stopped_nothing_stays(tmp_path):
    async with speaking_town(tmp_path, settings=EVER) as town:
        town.dispatcher.submit(overheard(ASKS, "q1"))
        await town.until(lambda: town.speaking._under_way)
        await town.until(lambda: town.dispatcher._runs._kept)
        assert town.dispatcher.cancel(conversation("town")) == 1
        await town.idle()
        assert (town.said, await town.rows(), town.speaking._under_way) == ([], 0, {})


async def test_with_a_limit_of_nothing_nothing_is_said(tmp_path):
    settings = SpeakingSettings(second_message_seconds=0, channel_hourly=0)
    async with speaking_town(tmp_path, settings=settings) as town:
        await town.hear(overheard(ASKS, "q1"))
        assert (town.said, await town.rows()) == ([], 0)


async def test_the_words_below_a_file_that_is_being_learnt_ask_nothing_when_they_are_edited(
    tmp_path,
):
    async with speaking_town(tmp_path, speaks="addressed") as town:
        await town.places.channels.change(TOWN, "auto_ingest", "on")
        file = Attachment("f1", "pumps.md", "text/markdown", 9, nothing)
        sent = replace(overheard("the manual of the pump", "u1"), attachments=(file,))
        sent = replace(sent, author=replace(sent.author, is_moderator=True))
        town.held[""] = asyncio.Event()
        town.dispatcher.submit(sent)
        await town.until(lambda: town.answered)
        town.dispatcher.submit(MessageEdited(replace(sent, text="What does the pump need?")))
        await town.until(lambda: len(town.dispatcher._runs.tasks) == 1)
        town.held[""].set()
        await town.idle()
        assert [(asked.text, asked.command) for asked in town.answered] == [
            ("", Invocation("kb add"))
        ]


async def test_a_question_that_is_stopped_before_its_first_step_takes_in_nothing(tmp_path):
    async with speaking_town(tmp_path) as town:
        asked = overheard(ASKS, "q1")
        meant = await town.speaking.judge(asked)
        assert town.dispatcher._replying._begin(meant)
        assert town.dispatcher.cancel(asked.conversation) == 1
        await town.idle()
        await town.hear(overheard("Where is the knob of the pump?", "q2"))
        assert [to for _, _, to in town.said] == ["q2"]


async def nothing(_path, _limit):
    """No byte of it is asked for."""
