"""What verdicts tell of the answers to come."""

from __future__ import annotations

from dataclasses import replace

from core.feedback import Judged, Verdict, searchable, settled
from core.golden import Golden
from core.history import StoredSource
from knowledge_base.models import ChunkId

SOURCES = (StoredSource(1, ChunkId(1), True, 0.9, "hours.md"),)
UP = Judged(Verdict.UP, "When does the pool open?", "At nine.", False, SOURCES, 1.0)
DOWN = replace(UP, verdict=Verdict.DOWN, given_at=2.0)


def test_where_people_disagree_about_an_answer_nobody_is_taken_to_be_right():
    first, second = replace(DOWN, given_at=0.5), DOWN
    assert [one.verdict for one in settled([UP, second])] == [Verdict.DOWN]
    assert [one.verdict for one in settled([first, UP])] == [Verdict.DOWN]
    assert searchable([first, UP], {"hours.md"}) == ()


def test_a_later_answer_to_the_same_question_is_judged_on_its_own():
    better = replace(UP, question="when does the pool open? ", answer="At eight.", given_at=3.0)
    assert settled([UP, DOWN, better]) == (better,)
    refused = replace(UP, answer="I do not know.", refused=True, sources=(), given_at=4.0)
    assert settled([refused, better, UP]) == (refused,)


def test_of_verdicts_what_stands_alone_and_is_still_there_is_searched_for():
    given = [
        UP,
        replace(UP, question="And on Sundays?"),
        replace(UP, question="那周日呢？"),
        replace(UP, question="泳池几点开门？"),
        replace(UP, question="Who won the cup?", refused=True, sources=()),
    ]
    expected = [("When does the pool open?", "hours.md"), ("泳池几点开门？", "hours.md")]
    lost = Golden("Who won the cup?", kind="feedback")
    found = searchable(given, {"hours.md"})
    assert found == (*(Golden(one, name, kind="feedback") for one, name in expected), lost)
    assert searchable(given, {"other.md"}) == (lost,)
