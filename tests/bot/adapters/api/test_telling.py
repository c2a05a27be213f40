from __future__ import annotations

import pytest

from bot.adapters.api.refusals import RefusedError
from bot.adapters.api.telling import Telling
from core.language import words
from core.replies import (
    Actions,
    CitedPassage,
    Failed,
    Finished,
    Notice,
    Queued,
    ReplyEvent,
    Sources,
    TextDelta,
    TextReplaced,
    Usage,
)
from tests.support.passages import passage


def streamed(telling: Telling, *events: ReplyEvent) -> list[str]:
    return [text for event in events if (text := telling.take(event))]


def whole(telling: Telling) -> str | None:
    return telling.answer().choices[0].message.content


SOURCES = Sources((CitedPassage(1, passage("Seine"), True), CitedPassage(2, passage("x"), False)))
END = Finished("stop", Usage(5, 2))


def test_words_go_on_as_they_come():
    telling = Telling("m")
    shown = streamed(telling, Queued(1, None), TextDelta("a"), Actions(()), TextDelta("b"), END)
    assert shown == ["a", "b"]
    assert whole(telling) == "ab"
    assert telling.end().lorekeeper.text is None
    usage = telling.usage()
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (5, 2, 7)


def test_a_text_that_goes_on_where_it_was_mended_is_only_continued():
    telling = Telling("m")
    assert streamed(telling, TextDelta("ab"), TextReplaced("abc"), END) == ["ab", "c"]
    assert telling.end().lorekeeper.text is None


def test_what_was_mended_after_it_was_sent_stands_beside_the_stream():
    telling = Telling("m")
    shown = streamed(telling, TextDelta("old [7]"), TextReplaced("new"), TextDelta(" more"), END)
    assert shown == ["old [7]", " more"]
    assert telling.end().lorekeeper.text == "new more"
    assert whole(telling) == "new more"


def test_a_refusal_in_place_of_an_answer_follows_what_was_sent():
    telling = Telling("m")
    refused = Sources(SOURCES.passages, refused=True)
    shown = streamed(telling, TextDelta("The documents do not say."), TextReplaced("No."), refused)
    assert shown == ["The documents do not say.", "\n\nNo."]
    streamed(telling, END)
    assert whole(telling) == "No."
    assert telling.end().lorekeeper.refused is True


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_nothing_of_a_stop_is_ever_sent(size):
    telling = Telling("m", ("STOP", "。。"))
    text = "one ST two S。three STOP four"
    pieces = [TextDelta(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join(streamed(telling, *pieces, END)) == "one ST two S。three "
    assert whole(telling) == "one ST two S。three "


def test_the_beginning_of_a_stop_at_the_end_is_no_stop():
    telling = Telling("m", ("STOP",))
    assert "".join(streamed(telling, TextDelta("a ST"), END)) == "a ST"


def test_sources_are_listed_below_in_the_language_of_the_question():
    telling = Telling("m", (), words("zh"))
    shown = streamed(telling, TextDelta("a [1]"), SOURCES, END)
    assert shown[1].startswith("\n\n**来源**\n\n- [1] ")
    assert "[2]" not in shown[1]
    assert whole(telling) == "".join(shown)


def test_notices_and_every_passage_stand_in_the_field():
    telling = Telling("m")
    streamed(telling, Notice("by words alone"), TextDelta("a"), SOURCES, END)
    told = telling.answer().choices[0].message.lorekeeper
    assert told.notices == ["by words alone"]
    assert [(source.number, source.cited) for source in told.sources] == [(1, True), (2, False)]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("queue_full", 429),
        ("quota_exceeded", 429),
        ("context_too_long", 400),
        ("engine_timeout", 504),
        ("engine_unavailable", 503),
        ("", 500),
    ],
)
def test_what_failed_has_the_status_that_clients_know(code, status):
    with pytest.raises(RefusedError) as refused:
        Telling("m").take(Failed("words", code=code))
    assert refused.value.status == status
    assert refused.value.message == "words"


def test_an_answer_that_was_stopped_is_none():
    with pytest.raises(RefusedError) as refused:
        Telling("m").take(Finished("cancelled"))
    assert refused.value.status == 503


@pytest.mark.parametrize(
    ("reason", "told"), [("stop", "stop"), ("length", "length"), ("filter", "content_filter")]
)
def test_reasons_have_openais_names(reason, told):
    telling = Telling("m")
    telling.take(Finished(reason))
    assert telling.answer().choices[0].finish_reason == told
    assert telling.end().choices[0].finish_reason == told
