from __future__ import annotations

import pytest

from bot.adapters.terminal.messages import question
from bot.adapters.terminal.replies import Reply, ask
from core.replies import (
    Actions,
    CitedPassage,
    Failed,
    FileReply,
    Finished,
    Notice,
    Progress,
    Sources,
    TextDelta,
    TextReplaced,
    Usage,
)
from tests.support.passages import passage
from tests.support.scripted_inbox import ScriptedInbox

SOURCES = Sources((CitedPassage(1, passage(), True), CitedPassage(2, passage(n=2), False)))


async def came(*events) -> Reply:
    return await ask(ScriptedInbox(events), question("q", ()))


async def test_a_whole_answer_is_gathered():
    inbox = ScriptedInbox(
        [TextDelta("Sev"), TextDelta("en."), SOURCES, Finished("stop", Usage(3, 2))]
    )
    reply = await ask(inbox, question("How much?", ("samples",)))
    assert (reply.text, reply.refused, reply.usage) == ("Seven.", False, Usage(3, 2))
    assert (reply.sources, reply.failure, reply.outcome) == (SOURCES.passages, None, "answered")
    assert inbox.messages[0].bases == ("samples",)


async def test_a_mended_text_replaces_what_came_before():
    assert (await came(TextDelta("Six [9]"), TextReplaced("Six"))).text == "Six"


async def test_a_failure_is_kept_apart_from_the_text():
    reply = await came(TextDelta("Se"), Failed("No model.", "88CC", "EngineUnavailable"))
    assert (reply.text, reply.outcome) == ("Se", "failed")
    assert reply.failure == Failed("No model.", "88CC")


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([Finished("stop")], "answered"),
        ([Sources((), refused=True), Finished("stop")], "refused"),
        ([Finished("length")], "length"),
        ([Finished("filter")], "filter"),
        ([Sources((), refused=True), Finished("cancelled")], "cancelled"),
    ],
)
async def test_how_it_ended_is_one_word(events, outcome):
    assert (await came(*events)).outcome == outcome


async def test_remarks_and_files_are_kept_and_a_status_ends_with_the_text():
    file = FileReply("a.md", "text/markdown", b"a")
    reply = await came(Progress("embedding", 1, 2), Notice("I quote."), file)
    assert (reply.notices, reply.files) == (["I quote."], [file])
    assert reply.status == Progress("embedding", 1, 2)
    assert (await came(Progress("embedding", 1, 2), TextDelta("Added."))).status is None


async def test_what_is_no_answer_has_nothing_to_be_judged():
    assert not (await came(SOURCES, Actions(()))).is_answer


def test_the_first_text_and_the_end_are_timed():
    now = iter([10.0, 10.5, 11.0, 14.0])
    reply = Reply(lambda: next(now))
    reply.take(Progress("search", 0, None))
    reply.take(TextDelta("a"))
    reply.take(Finished("stop"))
    assert (reply.first_text_seconds, reply.seconds) == (1.0, 4.0)


def test_no_base_leaves_the_choice_to_the_core():
    assert question("q", ()).bases is None
