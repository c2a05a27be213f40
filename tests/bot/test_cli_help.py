from __future__ import annotations

import inspect
import re

import pytest
import typer
from babel.messages.pofile import read_po

from bot.cli import app
from bot.cli_help import every, speak
from core.language import DOMAIN, LOCALES, words
from tests.support.shell import bot

CATALOGUES = sorted(LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))
SENTENCE = re.compile(r"[A-Za-z]+ [a-z]+ [a-z]+")
"""Three words in a row: names of files, of options and of keys are none."""


def pages(language: str) -> dict[str, str]:
    """The page of help of every command."""
    root = typer.main.get_command(app)
    speak(root, words(language))

    def of(command, name, parent):
        context = command.context_class(command, info_name=name, parent=parent)
        yield context.command_path, context.get_help()
        for below, one in getattr(command, "commands", {}).items():
            yield from of(one, below, context)

    return dict(of(root, "bot", None))


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_a_catalogue_has_what_every_command_and_option_says_of_itself(path):
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parents[1].name)
    said = {
        text
        for one in every(typer.main.get_command(app))
        for text in (inspect.cleandoc(one.help or ""), *(own.help for own in one.params))
        if text
    }
    assert len(said) > 80
    assert [text for text in sorted(said) if not getattr(catalogue.get(text), "string", "")] == []


def test_no_page_of_help_is_left_in_english():
    made = pages("zh")
    assert len(made) > 40
    for name, page in made.items():
        left = re.sub(r"`[^`]*`|<[^>]*>", "", page).replace(name, "")
        assert page.startswith("用法："), name
        assert SENTENCE.search(left) is None, (name, left)


def test_a_page_in_english_has_every_word_and_no_line_that_is_too_long():
    page = pages("en")["bot"]
    assert "restore  Put a backup in the place of the data directory; no bot may run on\n" in page
    assert "Usage: bot [OPTIONS] COMMAND [ARGS]..." in page
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "english", "chinese"),
    [
        (("kb", "add"), "Missing argument 'PATH...'.", "缺少参数 'PATH...'。"),
        (("kb", "lst"), "No such command 'lst'. Did you mean 'list'?", "是不是想用 'list'？"),
        (("kb", "list", "--bse", "a"), "No such option: --bse", "没有选项 --bse（相近"),
        (("kb", "list", "--base"), "requires an argument", "选项 '--base' 后面要有值。"),
        (("kb", "search", "a", "--limit", "0"), "greater than or equal to 1", "不能小于 1"),
        (("kb", "search", "a", "--legs", "x"), "'x' is not one of 'dense'", "'x' 不在 'dense'"),
        (("kb", "import", "no.zip"), "path 'no.zip' does not exist.", "路径 'no.zip' 不存在。"),
        (
            ("console", "add-user", "a"),
            "Missing option '--role'. Choose",
            "缺少选项 '--role'。可选",
        ),
        (("chat", "--json"), "--json needs --once", "--json 要与 --once 或 --questions 一起用"),
        (("kb", "list", "--base", ""), "a base needs a name", "知识库需要一个由可显示字符组成的"),
    ],
)
def test_wrong_usage_is_told_in_the_language_of_the_shell(tmp_path, arguments, english, chinese):
    plain = bot(tmp_path, *arguments)
    assert (plain.code, plain.out) == (2, "")
    assert english in plain.err
    done = bot(tmp_path, *arguments, LC_ALL="zh_CN.UTF-8")
    assert (done.code, done.out) == (2, "")
    assert chinese in done.err
    assert "错误：" in done.err
    assert SENTENCE.search(done.err.replace("python -m bot", "")) is None


@pytest.mark.parametrize("arguments", [(), ("kb",), ("models",)])
def test_a_command_without_anything_shows_its_page_and_no_complaint(tmp_path, arguments):
    done = bot(tmp_path, *arguments, LANG="zh_CN.UTF-8")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("用法：")
    assert "错误" not in done.err


def test_help_ends_well(tmp_path):
    done = bot(tmp_path, "kb", "--help", LANG="zh_CN.UTF-8")
    assert (done.code, done.err) == (0, "")
    assert "  search   查找段落，不用模型生成。\n" in done.out
