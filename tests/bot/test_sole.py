"""A second bot on the same data directory."""

from __future__ import annotations

import pytest

from bot.errors import AlreadyRunningError
from bot.sole import sole
from bot.wording import sentence
from core.language import words


@pytest.mark.parametrize(("language", "said"), [("en", "already"), ("zh", "已有机器人")])
def test_a_second_bot_on_a_data_directory_is_refused_in_a_sentence(tmp_path, language, said):
    folder = tmp_path / "data"
    with sole(folder):
        with pytest.raises(AlreadyRunningError) as raised, sole(folder):
            pass
        told = sentence(raised.value, words(language))
        assert said in told
        assert str(folder) in told


def test_the_next_one_may_run_when_the_first_has_ended(tmp_path):
    for _ in range(2):
        with sole(tmp_path / "data"), sole(tmp_path / "other"):
            pass


def test_where_nothing_can_be_written_somebody_else_tells_it(tmp_path):
    file = tmp_path / "data"
    file.write_text("a file where a folder should be", encoding="utf-8")
    with sole(file):
        pass
