"""Bars on standard error, for whoever watches."""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager

import pytest

from bot.progress import AddProgress, CheckingBar, CountBar, became
from core.language import words
from knowledge_base.models import IngestProgress, Looked, Stage


class Watched(io.StringIO):
    """A terminal."""

    def isatty(self):
        return True


@contextmanager
def watched():
    """What a person sees."""
    terminal = Watched()
    with pytest.MonkeyPatch.context() as instead:
        instead.setenv("TERM", "xterm")
        instead.setenv("COLUMNS", "120")
        instead.setattr(sys, "stderr", terminal)
        yield terminal.getvalue


@pytest.mark.parametrize(
    ("language", "database", "passages"),
    [("en", "checking the database", "checking passages"), ("zh_CN", "检查数据库", "检查段落")],
)
def test_each_stage_has_a_bar_of_its_own_with_what_is_done(language, database, passages):
    with watched() as seen, CheckingBar(words(language), quiet=False) as bar:
        bar.stage(Looked.DATABASE, 0, None)
        bar._bars.refresh()
        bar.stage(Looked.PASSAGES, 3, 12)
        bar._bars.refresh()
        bar.stage(Looked.ORIGINALS, 5, 7)
        bar._bars.refresh()
    for told in (database, passages, "3/12", "5/7", "-:--:--"):
        assert told in seen()


@pytest.mark.parametrize(("language", "told"), [("en", "embedding"), ("zh_CN", "嵌入")])
def test_a_files_bar_says_what_is_done_with_it_and_hides_control_characters(language, told):
    with (
        watched() as seen,
        AddProgress(words(language), quiet=False) as progress,
        progress.file("tea\x1b[2J.txt") as show,
    ):
        show(IngestProgress(Stage.EMBEDDING, 3, 9))
        progress._bars.refresh()
    assert f"tea\ufffd[2J.txt: {told}" in seen()
    assert "\x1b[2J" not in seen()


def test_whoever_reads_json_sees_no_bar():
    with watched() as seen:
        with CountBar("writing", quiet=True) as bar:
            bar.show(1, 2)
        with CheckingBar(words("en"), quiet=True) as stages:
            stages.stage(Looked.PASSAGES, 1, 2)
        assert seen() == ""


def test_what_became_of_a_file_goes_where_the_output_goes_also_beside_bars(capsys):
    """`kb add … | grep` at a terminal: the bars are seen there, the lines are read by grep."""
    with watched() as seen, AddProgress(words("en"), quiet=False) as progress:
        progress.say(became("unchanged", "茶.txt", words("en")))
    assert capsys.readouterr().out == "unchanged  茶.txt\n"
    assert "茶" not in seen()


def test_what_became_of_a_file_is_told_in_the_operators_language():
    assert became("added", "a.txt", words("en"), 1) == "added      a.txt  (1 passage)"
    assert became("added", "a.txt", words("zh_CN"), 3) == "已添加     a.txt  (3 个段落)"
