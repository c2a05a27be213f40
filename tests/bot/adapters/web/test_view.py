from __future__ import annotations

from bot.adapters.web.view import ReplyView
from core.language import words
from core.replies import Failed, Finished, Notice, Progress, Queued, TextDelta, TextReplaced


def view(*events) -> ReplyView:
    made = ReplyView(words("en"))
    for event in events:
        made.take(event)
    return made


def test_nothing_yet_is_shown_as_waiting():
    assert view().html() == "…"


def test_remarks_stand_where_they_were_made():
    html = view(Notice("First."), TextDelta("A **b**"), Notice("Last.")).html()
    assert html == (
        '<p class="note">First&#46;</p><p>A <strong>b</strong></p><p class="note">Last&#46;</p>'
    )


def test_mended_text_takes_the_place_of_the_text():
    assert view(TextDelta("Six"), TextReplaced("Seven")).html() == "<p>Seven</p>"


def test_the_place_in_the_queue_is_shown_until_something_happens():
    assert view(Queued(2, 4.0)).status == "waiting, place 2 · 4 s"
    assert view(Progress("reading", 3, 9)).status == "reading: 3/9"
    assert view(Queued(1, None), TextDelta("a")).status == ""


def test_names_in_what_is_said_beside_the_answer_are_shown_as_names():
    reading = view(Progress("reading `a <b>.md` part by part", 3, 9)).status_html()
    assert "reading <code>a &#60;b&#62;&#46;md</code> part by part" in reading
    assert "<code>x</code>" in view(Notice("I read `x`."), Failed("Not `y`.")).html()
    assert "<code>y</code>" in view(Failed("Not `y`.")).html()


def test_a_failure_and_a_stop_are_told():
    assert "It broke&#46;" in view(TextDelta("a"), Failed("It broke.")).html()
    assert "&#91;stopped&#93;" in view(TextDelta("a"), Finished("cancelled")).html()
