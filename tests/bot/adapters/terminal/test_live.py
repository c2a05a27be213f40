from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.terminal.live import Live
from tests.support.small_screen import SmallScreen


def live(screen: SmallScreen) -> Live:
    return Live(screen.write, screen.size)


def test_the_last_lines_are_rewritten_in_place():
    screen = SmallScreen()
    shown = live(screen)
    shown.show(["one", "tw"])
    shown.show(["one", "two", "three"])
    shown.show(["ONE", "two"])
    assert screen.all == ["ONE", "two"]
    assert shown.end(["ONE", "two", "end"]) is None
    screen.write("next")
    assert screen.all == ["ONE", "two", "end", "next"]


def test_what_has_not_changed_is_not_written():
    screen = SmallScreen()
    shown = live(screen)
    shown.show(["one", "two"])
    written = screen.writes
    shown.show(["one", "two"])
    assert screen.writes == written


def test_a_long_answer_scrolls_and_every_line_is_there_once():
    screen = SmallScreen(rows=5)
    shown = live(screen)
    lines = [f"line {n}" for n in range(40)]
    for n in range(1, 41):
        shown.show([*lines[:n], "…"])
    assert shown.end(lines) is None
    assert screen.all == lines


def test_what_scrolled_off_in_other_words_is_told():
    screen = SmallScreen(rows=4)
    shown = live(screen)
    lines = [f"line {n}" for n in range(10)]
    shown.show(lines)
    assert shown.end([*lines[:2], "other", *lines[3:]]) == 2


def test_an_answer_that_shrinks_leaves_nothing_behind():
    screen = SmallScreen()
    shown = live(screen)
    shown.show(["one", "two", "three"])
    shown.show(["one"])
    assert screen.all == ["one"]
    shown.end([])
    assert screen.all == []


def test_a_screen_made_narrower_is_written_anew():
    screen = SmallScreen(columns=20)
    shown = live(screen)
    shown.show(["abcdefghijkl", "mno"])
    assert shown.columns == 20
    # As terminals do: what does not fit goes on in the next row.
    narrow = SmallScreen(columns=8)
    narrow.write("abcdefghijkl\r\nmno")
    screen.columns, screen._lines, screen._row, screen._column = 8, narrow._lines, 2, 3
    assert shown.columns == 8
    shown.show(["abcdefg", "hijkl", "mnop"])
    assert screen.all == ["abcdefg", "hijkl", "mnop"]


def test_once_lines_have_scrolled_off_the_width_stays():
    screen = SmallScreen(columns=20, rows=3)
    shown = live(screen)
    assert shown.columns == 20
    shown.show(["a", "b", "c", "d", "e"])
    screen.columns = 10
    assert shown.columns == 20


@given(
    st.lists(
        st.lists(st.sampled_from(["", "a", "bc", "白毫", "long line of it"]), max_size=5),
        max_size=8,
    )
)
def test_whatever_is_shown_in_turn_the_last_stands_there(states):
    screen = SmallScreen(columns=20, rows=8)
    shown = live(screen)
    for lines in states:
        shown.show(lines)
    last = ["first", *(states[-1] if states else []), "last"]
    assert shown.end(last) is None
    assert screen.all == last
