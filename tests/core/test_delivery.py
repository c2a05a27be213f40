"""From reply events to messages, on a platform that behaves; time is virtual."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from core.delivery import Delivery, take_back
from core.errors import ChannelGoneError, DeliveryRateLimitedError, ForbiddenError
from core.language import words
from core.pacer import Pacer
from core.ports import Capabilities
from core.replies import (
    Failed,
    FileReply,
    Finished,
    Notice,
    Progress,
    Queued,
    SentMessage,
    Sources,
    TextDelta,
    TextReplaced,
)
from core.text import utf16_length
from tests.support.messages import conversation, group, private
from tests.support.passages import cited
from tests.support.recording_outbox import RecordingOutbox
from tests.support.virtual_time import run

PLATFORM = Capabilities(max_text=2000, edit_interval_private=1, edit_interval_group=3)
QUESTION = private("Where?", "q1")


class Kept:
    """Receipts in memory."""

    def __init__(self, key=None):
        self.key = key
        self.messages = []

    async def sent(self, message):
        self.messages.append(message)

    async def removed(self, message):
        if message in self.messages:
            self.messages.remove(message)


def delivery(outbox, message=QUESTION, *, pacer=None, receipts=None, sent=None, language="en"):
    return Delivery(
        message,
        outbox,
        pacer or Pacer(outbox.capabilities.edit_interval_private),
        words(language),
        receipts or Kept(),
        sent=sent,
    )


async def deliver(reply, *script):
    """Feed events at once and numbers as pauses, while the reply is painted."""

    async def feed():
        for step in script:
            if isinstance(step, int | float):
                await asyncio.sleep(step)
            else:
                reply.show(step)
        reply.complete()

    feeding = asyncio.create_task(feed())
    try:
        await reply.paint()
    finally:
        feeding.cancel()


def test_a_short_answer_takes_one_message_and_no_edit():
    outbox = RecordingOutbox(PLATFORM)

    run(deliver(delivery(outbox), TextDelta("Par"), TextDelta("is."), Finished("stop")))

    assert outbox.calls == ["typing", "send 'Paris.'"]
    assert outbox.messages["m1"].answers == "q1"


def test_a_long_answer_grows_in_one_message_edited_no_oftener_than_the_interval():
    outbox = RecordingOutbox(PLATFORM)
    script = [step for i in range(40) for step in (TextDelta(f"{i} "), 0.1)]

    run(deliver(delivery(outbox), *script, Finished("stop")))

    edits = [time for call, time in zip(outbox.calls, outbox.times, strict=True) if "edit" in call]
    assert outbox.transcript == f"bot> {' '.join(map(str, range(40)))}\n"
    assert outbox.calls[1] == "send '0 1 2 ▌'"
    assert 4 <= len(edits) <= 5
    assert all(b - a >= 0.999 for a, b in pairwise(edits[:-1]))


def test_typing_is_shown_again_until_the_first_words():
    outbox = RecordingOutbox(PLATFORM)

    run(deliver(delivery(outbox), 10, TextDelta("Paris."), Finished("stop")))

    assert outbox.calls == ["typing", "typing", "typing", "send 'Paris.'"]


def test_the_place_in_the_queue_and_progress_are_shown_in_place():
    outbox = RecordingOutbox(PLATFORM)
    script = [Queued(3, 21.2), 2, Queued(1, None), 2, Progress("Reading", 3, 12), 2]

    run(deliver(delivery(outbox), *script, TextDelta("Done."), 2, Finished("stop")))

    assert outbox.calls == [
        "typing",
        "send 'Waiting: number 3 in the queue, about 22 s.'",
        "edit m1 'Waiting: number 1 in the queue.'",
        "edit m1 'Reading: 3/12 (25 %)'",
        "edit m1 'Done. ▌'",
        "edit m1 'Done.'",
    ]


def test_notices_and_cited_sources_stand_below_the_answer_and_names_are_not_markup():
    outbox = RecordingOutbox(PLATFORM)
    sources = Sources(
        (
            cited(1, "gate_hours.pdf", page=3, relevance=0.914),
            cited(2, "notes.md", heading="Winter", relevance=0.5),
            cited(3, "unused.md", was_cited=False),
        )
    )

    run(deliver(delivery(outbox), TextDelta("At nine [1][2]."), Notice("Shortened."), sources))

    assert outbox.transcript == (
        "bot> At nine [1][2].\n\nShortened.\n\nSources:\n"
        "[1] gate\\_hours.pdf, p. 3 (91 %)\n[2] notes.md, Winter (50 %)\n"
    )


def test_a_refusal_lists_no_sources():
    outbox = RecordingOutbox(PLATFORM)
    sources = Sources((cited(1, "near.md"),), refused=True)

    run(deliver(delivery(outbox), TextDelta("I do not know."), sources))

    assert outbox.transcript == "bot> I do not know.\n"


def test_mended_text_replaces_what_was_shown():
    outbox = RecordingOutbox(PLATFORM)

    run(deliver(delivery(outbox), TextDelta("Wrong [9]."), 2, TextReplaced("Right [1].")))

    assert outbox.transcript == "bot> Right [1].\n"


def test_a_failure_is_told_below_what_was_said():
    outbox = RecordingOutbox(PLATFORM)

    run(deliver(delivery(outbox), TextDelta("Half an"), 2, Failed("The model broke off.", "88CC")))

    assert outbox.transcript == "bot> Half an\n\nThe model broke off.\n"


def test_a_platform_without_edits_gets_the_whole_at_the_end():
    outbox = RecordingOutbox(replace(PLATFORM, can_edit=False))

    run(deliver(delivery(outbox), Queued(2, None), TextDelta("Par"), 2, TextDelta("is.")))

    assert outbox.calls == ["typing", "send 'Paris.'"]


def test_a_long_answer_opens_further_messages_within_the_platforms_own_count():
    outbox = RecordingOutbox(replace(PLATFORM, max_text=200, count=utf16_length))
    script = [step for i in range(90) for step in (TextDelta(f"w{i} 😀. "), 0.2)]
    receipts = Kept()

    run(deliver(delivery(outbox, receipts=receipts), *script))

    shown = " ".join(message.text for message in outbox.messages.values())
    assert shown.split() == [word for i in range(90) for word in (f"w{i}", "😀.")]
    assert [sent.message_id for sent in receipts.messages] == list(outbox.messages)
    assert [message.answers for message in outbox.messages.values()][:2] == ["q1", None]


def test_messages_that_a_mended_text_no_longer_needs_are_removed():
    outbox = RecordingOutbox(replace(PLATFORM, max_text=200))
    receipts = Kept()
    long = "A sentence of the answer. " * 30

    run(deliver(delivery(outbox, receipts=receipts), TextDelta(long), 9, TextReplaced("Short.")))

    assert outbox.transcript == "bot> Short.\n"
    assert [sent.message_id for sent in receipts.messages] == ["m1"]


def test_the_final_text_arrives_whatever_was_throttled():
    outbox = RecordingOutbox(PLATFORM)
    slow = [DeliveryRateLimitedError(conversation(), 7) for _ in range(3)]
    outbox.refuse("send", *slow[:1])
    outbox.refuse("edit", *slow)

    run(deliver(delivery(outbox), TextDelta("One. "), 12, TextDelta("Two."), Finished("stop")))

    assert outbox.transcript == "bot> One. Two.\n"
    attempts = [
        time
        for call, time in zip(outbox.calls, outbox.times, strict=True)
        if call.startswith(("send", "edit"))
    ]
    assert attempts[1] - attempts[0] >= 6.999


def test_ten_answers_in_one_group_share_its_budget_and_all_arrive_whole():
    outbox = RecordingOutbox(PLATFORM)
    pacer = Pacer(PLATFORM.edit_interval_group)
    script = [step for i in range(100) for step in (TextDelta(f"{i} "), 0.3)]

    async def scenario():
        await asyncio.gather(
            *(
                deliver(delivery(outbox, group("?", f"q{i}"), pacer=pacer), *script)
                for i in range(10)
            )
        )

    run(scenario())
    whole = " ".join(map(str, range(100)))
    assert outbox.transcript == f"bot> {whole}\n" * 10
    operations = [
        time
        for call, time in zip(outbox.calls, outbox.times, strict=True)
        if not call.startswith("typing")
    ]
    assert all(b - a >= 60 for a, b in zip(operations, operations[20:], strict=False))


def test_a_stop_leaves_what_was_said_with_a_mark():
    outbox = RecordingOutbox(PLATFORM)
    reply = delivery(outbox, language="zh")

    async def scenario():
        task = asyncio.create_task(deliver(reply, TextDelta("Half an ans"), 2, TextDelta("wer"), 9))
        await asyncio.sleep(2.5)
        task.cancel()
        await asyncio.wait({task})
        await reply.stop()

    run(scenario())
    assert outbox.transcript == "bot> Half an answer\n\n[已停止]\n"


def test_a_message_that_is_being_sent_when_a_stop_comes_is_still_marked():
    outbox = RecordingOutbox(PLATFORM, latency=1)
    receipts = Kept()
    reply = delivery(outbox, receipts=receipts)

    async def scenario():
        task = asyncio.create_task(deliver(reply, TextDelta("Half"), 9))
        await asyncio.sleep(0.5)  # taken by the platform, its id not yet returned
        task.cancel()
        await asyncio.wait({task})
        await reply.stop()

    run(scenario())
    assert outbox.transcript == "bot> Half\n\n[stopped]\n"
    assert [sent.message_id for sent in receipts.messages] == ["m1"]


def test_a_stop_before_anything_was_shown_shows_nothing():
    outbox = RecordingOutbox(PLATFORM)
    run(delivery(outbox).stop())
    assert outbox.transcript == ""


def test_files_are_sent_once_even_if_the_reply_is_made_again():
    outbox = RecordingOutbox(PLATFORM)
    receipts = Kept()
    file = FileReply("all.zip", "application/zip", b"PK")

    run(deliver(delivery(outbox, receipts=receipts), TextDelta("Here."), file))
    again = delivery(outbox, receipts=receipts, sent=list(receipts.messages))
    run(deliver(again, TextDelta("Here it is."), file))

    assert outbox.transcript == "bot> Here it is.\nbot> <all.zip>\n"


def test_a_reply_made_again_is_edited_into_its_own_messages():
    outbox = RecordingOutbox(PLATFORM)
    receipts = Kept("k")
    run(deliver(delivery(outbox, receipts=receipts), TextDelta("Old.")))

    run(deliver(delivery(outbox, sent=list(receipts.messages)), TextDelta("New.")))

    assert outbox.transcript == "bot> New.\n"


def test_where_the_platform_knows_keys_a_lost_receipt_costs_no_second_message():
    outbox = RecordingOutbox(replace(PLATFORM, can_deduplicate=True))
    run(deliver(delivery(outbox, receipts=Kept("k")), TextDelta("Old.")))

    run(deliver(delivery(outbox, receipts=Kept("k"), sent=[]), TextDelta("New.")))

    assert outbox.transcript == "bot> New.\n"


def test_where_it_does_not_the_first_sight_is_never_a_whole_answer():
    outbox = RecordingOutbox(PLATFORM)

    run(deliver(delivery(outbox, receipts=Kept("k")), TextDelta("Paris.")))

    assert outbox.calls == ["typing", "send '▌'", "edit m1 'Paris.'"]


def test_nor_is_the_first_sight_of_any_message_that_the_text_has_run_past_already():
    outbox = RecordingOutbox(replace(PLATFORM, max_text=200))
    words_at_once = TextDelta(" ".join(f"word{i}" for i in range(90)))

    run(deliver(delivery(outbox, receipts=Kept("k")), words_at_once, 30, TextDelta(" end.")))

    sent = [call for call in outbox.calls if call.startswith("send")]
    assert len(sent) == len(outbox.messages) == 4
    assert all(call.endswith("▌'") for call in sent)
    shown = " ".join(message.text for message in outbox.messages.values())
    assert shown == words_at_once.text + " end."


def test_removing_takes_away_all_messages_also_one_that_is_gone_already():
    outbox = RecordingOutbox(PLATFORM)
    sent = [SentMessage("text", 0, "gone")]
    receipts = Kept()
    receipts.messages = list(sent)

    run(take_back(sent, conversation(), outbox, Pacer(1), receipts))

    assert receipts.messages == []


@pytest.mark.parametrize("error", [ForbiddenError, ChannelGoneError])
def test_a_platform_that_will_not_take_it_ends_the_reply(error):
    outbox = RecordingOutbox(PLATFORM)
    outbox.refuse("send", error(conversation()))

    with pytest.raises(error):
        run(deliver(delivery(outbox), TextDelta("Paris.")))


def test_an_empty_reply_sends_nothing():
    outbox = RecordingOutbox(PLATFORM)
    run(deliver(delivery(outbox)))
    assert outbox.transcript == ""
