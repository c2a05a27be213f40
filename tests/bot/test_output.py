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
