"""From reply events to messages, on a platform that behaves; time is virtual."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from core.buttons import again_menu
from core.delivery import Delivery
from core.errors import ChannelGoneError, DeliveryRateLimitedError, ForbiddenError
from core.language import words
from core.pacer import Pacer
from core.ports import Capabilities
from core.posting import Sent, Way, take_back
from core.replies import (
    Actions,
    Button,
    Failed,
    FileReply,
    Finished,
    Menu,
    Notice,
    Progress,
    Queued,
    SentMessage,
    Sources,
    TextDelta,
    TextReplaced,
)
from core.text import utf16_length
from knowledge_base.models import UNMEASURED
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


def delivery(outbox, message=QUESTION, *, pacer=None, receipts=None, language="en", **more):
    """`sent` and `is_another`: what earlier runs sent; `longest`: for the chat."""
    sent = more.get("sent")
    return Delivery(
        message,
        Way(
            outbox,
            pacer or Pacer(outbox.capabilities.edit_interval_private),
            more.get("longest", 6000),
        ),
        words(language),
        receipts or Kept(),
        sent=None if sent is None else Sent(tuple(sent), more.get("is_another", False)),
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


def test_progress_in_chinese_has_the_marks_of_chinese():
    outbox = RecordingOutbox(PLATFORM)
    script = [Progress("读取", 3, 12), 2, Progress("读取", 7, None), 2]

    run(deliver(delivery(outbox, language="zh"), *script, TextDelta("好。"), 2, Finished("stop")))

    assert "send '读取：3/12 (25 %)'" in outbox.calls
    assert "edit m1 '读取：7'" in outbox.calls


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


def test_sources_in_chinese_have_full_width_marks():
    outbox = RecordingOutbox(PLATFORM)
    sources = Sources(
        (
            cited(1, "手册.pdf", page=3, relevance=0.914),
            cited(2, "规则.md", heading="退货", relevance=0.5),
            cited(3, "须知.md", relevance=0.5),
        )
    )

    run(deliver(delivery(outbox, language="zh"), TextDelta("九点 [1]。"), sources))

    assert outbox.transcript == (
        "bot> 九点 [1]。\n\n来源：\n"
        "[1] 手册.pdf，第 3 页（91%）\n[2] 规则.md，退货（50%）\n[3] 须知.md（50%）\n"
    )


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Sources:\n[1] a.pdf, p. 3\n[2] b.md\n"),
        ("zh", "来源：\n[1] a.pdf，第 3 页\n[2] b.md\n"),
    ],
)
def test_what_nobody_searched_for_has_no_percentage(language, expected):
    outbox = RecordingOutbox(PLATFORM)
    sources = Sources(
        (cited(1, "a.pdf", page=3, relevance=UNMEASURED), cited(2, "b.md", relevance=UNMEASURED))
    )

    run(deliver(delivery(outbox, language=language), TextDelta("At nine [1]."), sources))

    assert outbox.transcript.endswith(f"\n\n{expected}")


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


def test_a_file_that_was_not_sent_yet_goes_with_a_stop():
    outbox = RecordingOutbox(PLATFORM)
    reply = delivery(outbox)
    file = FileReply("all.zip", "application/zip", b"PK")

    async def scenario():
        task = asyncio.create_task(deliver(reply, TextDelta("Half"), file, 9))
        await asyncio.sleep(2.5)
        task.cancel()
        await asyncio.wait({task})
        await reply.stop()

    run(scenario())
    assert outbox.transcript == "bot> Half\n\n[stopped]\n"


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


BUTTONS = replace(PLATFORM, can_buttons=True)
ANSWERED = Sources((cited(1),))


def actions_in(outbox):
    return {m.message_id: m.actions for m in outbox.messages.values()}


def labels(outbox, message_id="m1"):
    return [b.label for menu in outbox.messages[message_id].menus for b in menu.buttons]


def test_a_reply_that_grows_can_be_stopped_and_a_whole_answer_judged():
    outbox = RecordingOutbox(BUTTONS)
    seen = []

    async def scenario():
        reply = delivery(outbox)
        script = [Queued(2, None), 2, TextDelta("Par"), 2, TextDelta("is."), ANSWERED]
        task = asyncio.create_task(deliver(reply, *script, Finished("stop")))
        for _ in range(2):
            await asyncio.sleep(1.5)
            seen.append((outbox.messages["m1"].text, *labels(outbox)))
        await task

    run(scenario())
    assert seen == [("Waiting: number 2 in the queue.", "Stop"), ("Par ▌", "Stop")]
    assert outbox.messages["m1"].actions == ["sources", "up", "down", "more"]
    # The last words and the buttons come in one edit.
    assert [call for call in outbox.calls if "edit" in call][-1].startswith("edit m1 'Paris.")
    assert len(outbox.calls) == 4


def test_buttons_stand_below_the_last_part_alone_also_while_it_grows():
    outbox = RecordingOutbox(replace(BUTTONS, max_text=200, edit_interval_private=0.1))
    script = [step for i in range(120) for step in (TextDelta(f"word{i} "), 0.05)]
    seen = []

    async def scenario():
        task = asyncio.create_task(deliver(delivery(outbox), *script, ANSWERED))
        for _ in range(55):
            await asyncio.sleep(0.1)
            seen.append([len(a) for a in actions_in(outbox).values()])
        await task

    run(scenario())
    settled = [counts for counts in seen if sum(counts) == 1]
    assert len(settled) > 40
    assert all(counts[-1] == 1 for counts in settled)
    *others, last = actions_in(outbox).values()
    assert len(others) == 4
    assert not any(others)
    assert last == ["sources", "up", "down", "more"]


def test_labels_are_in_the_language_of_who_asks():
    outbox = RecordingOutbox(BUTTONS)
    run(deliver(delivery(outbox, language="zh"), TextDelta("九点。"), ANSWERED))
    assert labels(outbox) == ["来源", "👍", "👎", "⋯"]


def test_without_buttons_there_are_none_and_a_reply_that_is_no_answer_has_none():
    plain, outbox = RecordingOutbox(PLATFORM), RecordingOutbox(BUTTONS)
    run(deliver(delivery(plain), TextDelta("Paris."), 2, ANSWERED))
    run(deliver(delivery(outbox), TextDelta("Removed."), 2, Finished("stop")))
    assert labels(plain) == labels(outbox) == []


def test_an_answer_without_passages_has_no_sources_to_show():
    outbox = RecordingOutbox(BUTTONS)
    run(deliver(delivery(outbox), TextDelta("There is nothing here yet."), Sources((), True)))
    assert actions_in(outbox) == {"m1": ["more"]}


def test_the_last_word_about_buttons_counts():
    outbox = RecordingOutbox(BUTTONS)
    choice = Actions((Menu((Button("set:x", "X"),), label="Language"),))
    run(deliver(delivery(outbox), TextDelta("Choose."), ANSWERED, choice))
    assert outbox.messages["m1"].menus == choice.menus


@pytest.mark.parametrize("broken", [True, False])
def test_an_answer_that_did_not_come_to_its_end_can_be_asked_again(broken):
    outbox = RecordingOutbox(BUTTONS)
    reply = delivery(outbox)
    begun = [Actions((again_menu(words("en")),)), TextDelta("Half")]

    async def scenario():
        end = [Failed("The model is not answering.")] if broken else [9]
        task = asyncio.create_task(deliver(reply, *begun, 2, *end))
        await asyncio.sleep(2.5)
        task.cancel()
        await asyncio.wait({task})
        if not broken:
            await reply.stop()

    run(scenario())
    assert actions_in(outbox) == {"m1": ["regenerate"]}


DRAFTS = replace(BUTTONS, can_draft=True)


def test_a_private_answer_grows_as_a_draft_and_is_sent_once():
    outbox = RecordingOutbox(DRAFTS)
    script = [TextDelta("Par"), 2, TextDelta("is."), 2, ANSWERED]
    run(deliver(delivery(outbox), *script, Finished("stop")))
    assert outbox.drafts == ["Par ▌", "Paris. ▌"]
    assert [call for call in outbox.calls if call.startswith(("send", "edit"))] == [
        f"send {outbox.messages['m1'].text!r}"
    ]
    assert actions_in(outbox) == {"m1": ["sources", "up", "down", "more"]}


def test_a_draft_without_news_is_shown_again_before_it_is_taken_away():
    outbox = RecordingOutbox(DRAFTS)
    run(deliver(delivery(outbox), Queued(1, None), 65, TextDelta("Paris.")))
    assert outbox.drafts == ["Waiting: number 1 in the queue."] * 4


def test_a_draft_of_a_stopped_answer_becomes_a_message_with_a_mark():
    outbox = RecordingOutbox(DRAFTS)
    reply = delivery(outbox)

    async def scenario():
        task = asyncio.create_task(deliver(reply, TextDelta("Half"), 9))
        await asyncio.sleep(2)
        task.cancel()
        await asyncio.wait({task})
        assert reply.visible
        await reply.stop()

    run(scenario())
    assert outbox.transcript == "bot> Half\n\n[stopped]\n"


def test_a_group_knows_no_drafts_nor_does_an_answer_that_is_made_again():
    outbox = RecordingOutbox(DRAFTS)
    run(deliver(delivery(outbox, group("?", "q1")), TextDelta("Par"), 4, TextDelta("is.")))
    again = delivery(outbox, sent=[SentMessage("text", 0, "m1")])
    run(deliver(again, TextDelta("Lon"), 4, TextDelta("don.")))
    assert outbox.drafts == []
    assert outbox.transcript == "bot> London.\n"


class NoDrafts(RecordingOutbox):
    """A server that is too old for what its client knows."""

    async def draft(self, to, answers, text):
        self.calls.append("no draft")
        return False


def test_where_a_draft_is_refused_the_answer_grows_in_a_message():
    outbox = NoDrafts(DRAFTS)
    run(deliver(delivery(outbox), TextDelta("Par"), 4, TextDelta("is."), 4))
    assert outbox.calls.count("no draft") == 1
    assert "send 'Par ▌'" in outbox.calls
    assert outbox.transcript == "bot> Paris.\n"


LONG = "The gate opens at nine. " * 200


def test_a_long_answer_goes_as_its_beginning_and_a_file():
    outbox = RecordingOutbox(BUTTONS)
    reply = delivery(outbox, longest=3000)
    run(deliver(reply, TextDelta(LONG), 5, ANSWERED, Finished("stop")))
    shown, file = outbox.messages.values()
    assert shown.text.startswith("The gate opens at nine. The")
    assert "nine.\n\n…\n\nThe whole answer is in the file.\n\nSources:\n[1] " in shown.text
    assert len(shown.text) < 1500
    assert file.text == "answer.md"
    whole = outbox.files[file.message_id].decode()
    assert whole.startswith(LONG.strip() + "\n\nSources:\n[1] ")
    # Nothing was opened on the way that had to be taken away again.
    assert not any(call.startswith("delete") for call in outbox.calls)
    assert actions_in(outbox)["m1"] == ["sources", "up", "down", "more"]


def test_where_no_files_may_be_sent_all_of_a_long_answer_is_said():
    outbox = RecordingOutbox(BUTTONS)
    outbox.refuse("send_file", ForbiddenError(conversation()))
    reply = delivery(outbox, longest=3000)
    run(deliver(reply, TextDelta(LONG), 5, ANSWERED, Finished("stop")))
    first, *_parts, last = texts = [shown.text for shown in outbox.messages.values()]
    said = " ".join(texts).partition("\n\nSources:")[0]
    assert said.split() == LONG.split()
    assert "in the file" not in first
    assert "Sources:\n[1] " in last
    assert list(actions_in(outbox).values()) == [[], [], ["sources", "up", "down", "more"]]


def test_a_command_whose_file_may_not_be_sent_is_not_taken_for_answered():
    outbox = RecordingOutbox(PLATFORM)
    outbox.refuse("send_file", ForbiddenError(conversation()))
    with pytest.raises(ForbiddenError):
        run(deliver(delivery(outbox), FileReply("base.zip", "application/zip", b"1")))


def test_an_answer_made_anew_takes_the_file_of_the_old_one_away():
    outbox = RecordingOutbox(BUTTONS)
    receipts = Kept()
    run(deliver(delivery(outbox, receipts=receipts, longest=3000), TextDelta(LONG)))
    again = delivery(outbox, receipts=receipts, sent=list(receipts.messages), is_another=True)
    run(deliver(again, TextDelta("At nine.")))
    assert outbox.transcript == "bot> At nine.\n"
    assert [sent.message_id for sent in receipts.messages] == ["m1"]


def test_a_file_name_below_an_answer_pings_nobody():
    outbox = RecordingOutbox(PLATFORM)
    sources = Sources((cited(1, "@everyone https://evil.example.md"),))
    run(deliver(delivery(outbox), TextDelta("Nine [1]."), sources))
    assert "@everyone" not in outbox.transcript
    assert "https://" not in outbox.transcript
