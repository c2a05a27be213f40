from __future__ import annotations

import json

from bot import output


def test_json_keeps_every_script_and_escapes_what_is_no_text(capsys):
    output.emit({"text": "茶 é"})
    output.emit({"text": "\udcff"})
    first, second = capsys.readouterr().out.splitlines()
    assert first == '{"text": "茶 é"}'
    assert json.loads(second)["text"] == "\udcff"


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
