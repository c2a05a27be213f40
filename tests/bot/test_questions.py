from __future__ import annotations

import pytest

from bot.errors import ConfigError
from bot.questions import questions


def test_each_line_is_a_question_with_its_id(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text('{"id": 1, "question": "a"}\n\n{"query": "b"}\n', encoding="utf-8-sig")
    assert list(questions(path)) == [(1, "a"), (None, "b")]


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"id": 1}', '{"question": 5}'])
def test_another_line_is_told_with_its_number(tmp_path, line):
    path = tmp_path / "q.jsonl"
    path.write_text('{"id": 1, "question": "a"}\n' + line)
    with pytest.raises(ConfigError, match=r"q\.jsonl: line 2: must be a JSON object"):
        list(questions(path))
