from __future__ import annotations

import tomllib

import pytest

from bot.library_words import retold
from bot.toml_lines import syntax_error_line
from core.language import words

BROKEN = {
    "a = 1\na = 2\n": "不能写两次",
    "[a]\n[a]\n": "a 不能声明两次",
    "[a]\nb.c = 1\n[a.b]\n": "a.b",
    "a = {b = 1, b = 2}\n": "行内表里的键 'b' 重复",
    'a = "\\uD800"\n': "Unicode",
    "a 1\n": "缺少 “=”",
    "[a\n": "缺少 “]”",
    "[[a]\n": "缺少 “]]”",
    "a = 1 2\n": "应当换行",
    "a = 'x\ny'\n": "字符",
    "a = 2024-02-30\n": "日期或时间无效",
    'a = "\\xZZ"\n': "没有转义",
    "= 1\n": "无效",
    "a =\n": "值无效",
    "a = [1\n": "列表没有结束",
    "a = {b = 1": "行内表没有结束",
    'a = """x': "字符串没有结束",
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_wrong_with_a_toml_file_is_told_in_both_languages(text):
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    _line, message = syntax_error_line(str(caught.value))
    assert retold(message, words("en")) == message
    assert BROKEN[text] in retold(message, words("zh"))


def test_a_message_that_is_not_known_stays_as_it_is():
    assert retold("the moon is full", words("zh")) == "the moon is full"


def test_what_people_typed_is_no_template():
    message = "No such command '{0.__class__}'."
    assert retold(message, words("zh")) == "没有命令 '{0.__class__}'。"
    assert retold(message, words("en")) == message
