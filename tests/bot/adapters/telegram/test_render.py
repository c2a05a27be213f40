"""Markdown as entities: what it says, what it can do, and that it never grows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.telegram.render import MOST_ENTITIES, length, plain, quotation, render
from core.text import split_message, utf16_length


def _shown(markdown: str) -> list[tuple[str, str]]:
    """Each entity with the text that it covers."""
    rendered = render(markdown)
    units = rendered.text.encode("utf-16-le")
    return [
        (span.kind, units[2 * span.offset : 2 * (span.offset + span.length)].decode("utf-16-le"))
        for span in rendered.spans
    ]


def test_offsets_are_utf16_units():
    assert _shown("😀😀 **你好** `x`") == [("bold", "你好"), ("code", "x")]
    assert [span.offset for span in render("😀😀 **你好**").spans] == [5]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("- one\n- two\n  - nested", "• one\n• two\n  • nested"),
        ("3. three\n4. four", "3. three\n4. four"),
        ("# Title\ntext\n\nmore", "Title\ntext\n\nmore"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("List<String> and <b>bold</b>", "List<String> and <b>bold</b>"),
        ("<div>\nkept\n</div>", "<div>\nkept\n</div>"),
        (r"\*not\* bold &amp; \<b\>", "*not* bold & <b>"),
        ("still **open", "still **open"),
        ("a || b || c", "a || b || c"),
        ("它花费 $5 和 $6", "它花费 $5 和 $6"),
        ("```python\nx = 1\n", "x = 1"),
        ("***", "———"),
        ("```\n```", "```\n```"),
        ("    indented", "indented"),
    ],
)
def test_the_text_says_what_the_source_says(markdown, text):
    assert render(markdown).text == text


def test_code_keeps_its_language_and_tables_their_columns():
    code = render("```python\nprint('@ada')\n```")
    assert (code.text, code.spans[0].kind, code.spans[0].language) == (
        "print('@ada')",
        "pre",
        "python",
    )
    table = "| 名称 | n |\n|---|---|\n| 你好世界 | 2 |"
    assert _shown(table) == [("pre", "名称     | n\n---------+--\n你好世界 | 2")]


def test_nobody_is_mentioned_and_no_link_leads_into_the_app():
    shown = render("@ada, (@bob) and [me](tg://user?id=5) or a@b.org [x](javascript:y)")
    assert "@ada" not in shown.text
    assert "@bob" not in shown.text
    assert "a@b.org" in shown.text
    assert shown.spans == ()


def test_links_with_text_keep_their_address():
    rendered = render("[the page](https://example.org/a) and ![a map](https://example.org/m.png)")
    assert rendered.text == "the page and a map"
    assert [span.url for span in rendered.spans] == [
        "https://example.org/a",
        "https://example.org/m.png",
    ]


def test_a_quotation_is_folded_when_long_and_when_asked_for():
    assert [kind for kind, _ in _shown("> short\n> > deeper")] == ["blockquote"]
    assert [kind for kind, _ in _shown("> " + "word " * 100)] == ["expandable_blockquote"]
    whole = quotation("**a** 😀\n> b")
    assert (whole.spans[0].kind, whole.spans[0].length) == (
        "expandable_blockquote",
        utf16_length(whole.text),
    )
    assert [span.kind for span in whole.spans[1:]] == ["bold"]


def test_no_more_entities_than_telegram_reads():
    assert len(render("**a** `b` " * 80).spans) == 100


_MARKDOWN = st.text(
    st.sampled_from(list("ab你😀 \n*_`~#>-|[]()!<&@1.:/\\\t")), max_size=80
) | st.text(max_size=40)


@given(_MARKDOWN)
def test_what_is_rendered_fits_where_its_source_was_counted_to_fit(markdown):
    rendered = render(markdown)
    assert utf16_length(rendered.text) <= length(markdown)
    end = utf16_length(rendered.text)
    for span in rendered.spans:
        assert 0 <= span.offset < span.offset + span.length <= end
    assert bool(rendered.text) == bool(markdown.strip())


@given(_MARKDOWN, _MARKDOWN)
def test_two_texts_joined_count_no_more_than_both_and_one(one, other):
    assert length(one + "\n" + other) <= length(one) + length(other) + 1


@given(st.lists(_MARKDOWN, max_size=40))
def test_every_part_of_a_split_text_fits_into_a_message(pieces):
    for part in split_message("\n".join(pieces), 200, length):
        assert utf16_length(render(part).text) <= 200
        assert utf16_length(plain(part).text) <= 200


@pytest.mark.parametrize("shown", [render, quotation])
@pytest.mark.parametrize("code", ["`@bob`", "\n```\n@bob\n```", "\n| a |\n|---|\n| @bob |"])
@pytest.mark.parametrize("before", [0, 98, 99, 100, 150])
def test_code_that_is_not_shown_as_code_any_more_mentions_nobody(shown, code, before):
    source = "**a** " * before + code
    rendered = shown(source)
    units = rendered.text.encode("utf-16-le")
    at = len(units[: units.find("@".encode("utf-16-le"))]) // 2
    in_code = any(
        span.kind in ("code", "pre") and span.offset <= at < span.offset + span.length
        for span in rendered.spans
    )
    assert in_code or "@bob" not in rendered.text
    assert len(rendered.spans) <= MOST_ENTITIES
    assert utf16_length(rendered.text) <= length(source)
    if not before:
        assert "@bob" in rendered.text
