"""Markdown as rich messages: when, what they say, and that Telegram can always read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.telegram.rich import rich, words_of
from tests.platforms.telegram_server.rich import parsed

PIECES = (
    *("# ", " ## ", "\n", "\n\n", " ", "a", "<b>", "&amp;", "&", '"', "'", "@bob", "猫", "😀"),
    *("**", "*", "~~", "`", "```", "```py\n", "> ", "- ", "  - ", "1. ", "| c |\n", "|", "\\"),
    *("| a | b |\n|---|:-:|\n", '[x](https://a.test/?q="<>)', "[y](tg://user?id=1)"),
    "![p](http://evil.test/p.png)",
)


@pytest.mark.parametrize(
    "plain",
    ["", "text", "**bold**", "- one\n- two", "1. one", "> quoted", "```\n# no\n```", "a | b"],
)
def test_what_entities_can_say_is_left_to_them(plain):
    assert rich(plain) is None


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("# A & B\ntext", "<h1>A &amp; B</h1><p>text</p>"),
        ("- one\n  1. two", "<ul><li>one<ol><li>two</li></ol></li></ul>"),
        (
            "| a | b |\n|---|--:|\n| 1 | **2** |",
            '<table bordered><tr><th>a</th><th align="right">b</th></tr>'
            '<tr><td>1</td><td align="right"><b>2</b></td></tr></table>',
        ),
        ("# 目录\n3. 三\n4. 四", '<h1>目录</h1><ol start="3"><li>三</li><li>四</li></ol>'),
        (
            "# x\n```py\n1 < 2\n```",
            '<h1>x</h1><pre><code class="language-py">1 &lt; 2</code></pre>',
        ),
        ("# x\n<img src=y>", "<h1>x</h1><p>&lt;img src=y&gt;</p>"),
        ("# x\none\ntwo", "<h1>x</h1><p>one<br>two</p>"),
    ],
)
def test_what_they_cannot_say_becomes_html(markdown, html):
    assert rich(markdown) == html


def test_nothing_is_fetched_nobody_is_mentioned_and_no_link_leads_into_the_app():
    html = (
        rich("# x\n![p](http://evil.test/p.png) [y](tg://user?id=1) [z](javascript:x) @bob") or ""
    )
    assert "<img" not in html
    assert "tg://" not in html
    assert '<a href="javascript' not in html
    assert "@bob" not in html
    assert '<a href="http://evil.test/p.png">p</a>' in html


def test_what_has_no_room_in_a_rich_message_is_none():
    wide = "|" + " a |" * 21 + "\n|" + "---|" * 21
    assert rich(wide) is None
    assert rich("# x\n\n" + "a\n\n" * 600) is None
    assert rich("# x\n" + "> " * 20 + "deep") is None


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_whatever_is_written_can_be_read(markdown):
    html = rich(markdown)
    if html is not None:
        assert "<img" not in html
        parsed(html)


def test_what_a_rich_message_says_can_be_read_back():
    _, blocks = parsed(
        rich("# Hours\n\n| day | from |\n|---|---|\n| **all** | 7:10 |\n\n- a\n  - b")
    )
    assert words_of({"blocks": blocks}) == "Hours\nday | from\nall | 7:10\na\nb"
    assert words_of(None) == ""
