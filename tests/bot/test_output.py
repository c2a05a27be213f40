from __future__ import annotations

import io
import json
import sys

import pytest

from bot import output


def test_json_keeps_every_script_and_escapes_what_is_no_text(capsys):
    output.emit({"text": "茶 é"})
    output.emit({"text": "\udcff"})
    first, second = capsys.readouterr().out.splitlines()
    assert first == '{"text": "茶 é"}'
    assert json.loads(second)["text"] == "\udcff"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("知识库；用列出", ["知识库；", "用列出"]),
        ("知识库用，列", ["知识库", "用，列"]),
        ("知识（库）", ["知识", "（库）"]),
        ("averylongword a", ["averylongword", "a"]),
    ],
)
def test_lines_break_between_words_and_between_wide_letters_but_before_no_comma(text, lines):
    assert output.wrapped(text, 8) == lines


def test_columns_line_up_with_wide_characters(capsys):
    output.table([("手册.md", "1"), ("a.md", "22")], ("document", "n"))
    assert capsys.readouterr().out == "document  n\n手册.md   1\na.md      22\n"


def test_what_a_terminal_would_act_upon_is_shown_as_a_replacement_character(capsys):
    output.say("a\x1b[31mb\x9b2J\u202ec\td\r\n第二行")
    output.tell("x\x07\x1b]0;title\x07")
    output.table([("new\nline\x1b.txt", "1")], ("document", "n"))
    shown = capsys.readouterr()
    assert shown.out == (
        "a\ufffd[31mb\ufffd2J\ufffdc\td\ufffd\n第二行\n"
        "document       n\nnew\ufffdline\ufffd.txt  1\n"
    )
    assert shown.err == "x\ufffd\ufffd]0;title\ufffd\n"


class _Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("term", "no_color", "shown"),
    [
        ("xterm", "", "The \x1b[1;33mfee\x1b[0m\ufffd is \x1b[1;33m白毫\x1b[0m。\n"),
        ("xterm", "1", "The \x1b[1;4mfee\x1b[0m\ufffd is \x1b[1;4m白毫\x1b[0m。\n"),
        ("dumb", "", "The fee\ufffd is 白毫。\n"),
    ],
)
def test_places_are_marked_as_the_terminal_can_and_is_wanted(monkeypatch, term, no_color, shown):
    tty = _Tty()
    monkeypatch.setattr(sys, "stdout", tty)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", no_color)
    output.say_marked("The fee\x1b is 白毫。", [(4, 7), (12, 14)])
    assert tty.getvalue() == shown


def test_a_pipe_shows_no_marks(capsys):
    assert not output.marks()
    output.say_marked("The fee", [(4, 7)])
    assert capsys.readouterr().out == "The fee\n"
