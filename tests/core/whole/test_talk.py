"""What was said in a chat is no question about documents, and nobody else's to know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.channel_settings import ChannelSettings
from core.events import Quoted, Turn
from core.inquiry import Inquiry
from core.summaries import Recap
from core.whole.talk import asks_of_talk, told
from tests.support.messages import group, private
from tests.support.reading_room import Scholar, open_room


@pytest.mark.parametrize(
    "text",
    [
        "what did I miss?",
        "What have I missed here today?",
        "catch me up on this chat please",
        "Can you summarize this conversation?",
        "tl;dr of the thread",
        "what have people been saying here today?",
        "what did we talk about",
        "What did I ask you first?",
        "我错过了什么？",
        "总结一下大家刚才聊了什么",
        "请总结一下聊天记录",
        "概括一下群里的讨论",
        "我刚才问了什么？",
    ],
)
def test_what_was_said_is_asked_for(text):
    assert asks_of_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "what did I miss in the exam rules?",
        "summarise chat.txt",
        "what did people say about the fees?",
        "what did the handbook say?",
        "catch me up on the handbook",
        "总结一下讨论.md",
        "手册说了什么？",
        "我错过了考试怎么办？",
        "说了什么",
        "",
    ],
)
def test_what_is_asked_of_documents_is_something_else(text):
    assert not asks_of_talk(text)


async def test_in_a_group_it_is_said_that_nobody_reads_along(tmp_path):
    async with open_room(tmp_path) as room:
        await room.book("chapter.md", 2)
        engine = Scholar()
        await room.ask(group("When does gate 1 open?", "1"), engine)
        calls = engine.asked
        heard = await room.ask(group("what did I miss?", "2"), engine)
        assert heard.text.startswith("I do not read along here:")
        assert "What you asked me lately:\n- `When does gate 1 open?`" in heard.text
        assert "chapter.md" not in heard.text
        other = await room.ask(group("我错过了什么？", "3", user="ben"), engine)
        assert other.text.startswith("我不会旁听这里的聊天")
        assert "gate" not in other.text
        assert engine.asked == calls


def asked_in_private(*turns: Turn, recap: Recap | None = None) -> str:
    return told(Inquiry(private("what did we discuss?"), "what?", turns, ChannelSettings(), recap))


def test_in_private_it_is_listed_after_the_summary_of_what_came_before():
    turns = (Turn("user", "When? @everyone"), Turn("assistant", "At nine."))
    assert asked_in_private(*turns, recap=Recap("Gates, see https://evil.test.", True)) == (
        "What was said before, as the model sums it up:\nGates, see (link removed).\n\n"
        "What was asked here last:\n- `When? @everyone`"
    )
    assert asked_in_private().startswith("Nothing was asked here yet that I still know of.")


async def test_a_reply_to_a_message_is_about_that_message(tmp_path):
    async with open_room(tmp_path) as room:
        await room.book("chapter.md", 2)
        message = private("what did I miss?")
        quoted = Quoted("5", message.author, "The fees went up.")
        heard = await room.ask(replace(message, quoted=quoted), Scholar())
        assert "Nothing was asked here yet" not in heard.text
