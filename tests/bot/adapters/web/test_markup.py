from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.web import markup
from core.language import words
from core.replies import CitedPassage, Sources
from tests.support.passages import passage

OURS = re.compile(
    r"</?(p|ul|ol|li|strong|em|code|pre|br|hr|h[1-6]|blockquote|table|thead|tbody|tr|th|td)"
    r'( /)?( start="\d+")?( style="text-align:(left|right|center)")?>'
)
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](http://evil.example)",
    "[click](javascript:alert(1))",
    "![pixel](http://evil.example/p.png)",
    "<http://evil.example>",
    "see http://evil.example and www.evil.example and a@evil.example",
    "[a]: http://evil.example\n\n[a]",
    "```mermaid\ngraph TD; click A href 'http://evil.example'\n```",
    "$$\\href{http://evil.example}{x}$$",
    "`a` \\`[x](http://e.example)\\` `b`",
    "> quote\n<details open ontoggle=alert(1)>",
    "````\n```\n<b>\n\n\n</b>\n````",
]


def visible(html: str) -> str:
    return unescape(re.sub("<[^>]*>", "", html))


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("shown", [markup.formatted, markup.plain])
def test_nothing_of_a_strangers_text_is_left_to_act(shown, text):
    html = shown(text)
    left = OURS.sub("", html)
    # Only letters, blanks, sentence marks and character references remain.
    assert not re.search(r"[<>\[\]!`*_$:/\\@|~\n]", left), left


@given(st.text())
def test_any_text_is_inert_and_on_one_line(text):
    left = OURS.sub("", markup.formatted(text))
    assert not re.search(r"[<>\[\]!`*_$:/\\@|~\n]", left)


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])))
def test_plain_text_reads_as_it_was_written(text):
    assert visible(markup.plain(text)).replace("\xa0", " ") == "".join(
        " " if char.isspace() else char for char in text if char.isprintable() or char.isspace()
    )


def test_markdown_keeps_its_form():
    html = markup.formatted("Fee: **7** crowns. [1]\n\n- a\n- b\n\n| x | y |\n| - | - |\n| 1 | 2 |")
    assert "<strong>7</strong>" in html
    assert html.count("<li>") == 2
    assert "<td>2</td>" in html
    assert visible(html).startswith("Fee: 7 crowns. [1]")


def test_code_keeps_its_blank_lines():
    assert visible(markup.formatted("```python\na = 1\n\nb = [2]\n```")) == "a = 1\n\nb = [2]"


def test_sources_show_where_they_stand_and_mark_what_was_quoted():
    text = "The hut is old. The fee is 7 crowns. Dogs stay outside."
    cited = passage("a<b>.pdf", text, page=2, heading="Fees › Island", relevance=0.914)
    found = Sources((CitedPassage(1, cited, True), CitedPassage(2, passage(n=2), False)))
    html = markup.sources(found.passages, "The fee is 7 crowns. [1]", words("en"))
    assert "<mark>The fee is 7 crowns&#46;</mark>" in html
    assert html.count("<details") == 2
    assert html.count(" open>") == 1
    assert "[1] a<b>.pdf · page 2 · Fees › Island · relevance 91%" in visible(html)
    read_whole = (CitedPassage(1, replace(cited, relevance=1.0), True),)
    assert "relevance" not in visible(markup.sources(read_whole, "Seven. [1]", words("en")))


def test_sources_without_a_page_say_none():
    found = Sources((CitedPassage(1, passage(), True),))
    assert "page" not in visible(markup.sources(found.passages, "", words("en")))


def test_a_marker_of_a_known_passage_can_be_pressed_and_no_other():
    html = markup.formatted("Seven. [1] Eight [2, 9] `x[1]` [text](x)", "ab12", [1, 2])
    assert html.count("<a ") == 2
    assert '<a class="cite" href="#cite-ab12-1">1</a>' in html
    assert '<a class="cite" href="#cite-ab12-2">2</a>' in html
    assert visible(html) == "Seven. [1] Eight [2, 9] x[1] [text](x)"
    assert "<a " not in markup.formatted("Seven. [1]")


def test_an_opened_passage_stands_between_its_neighbours():
    near = passage("a.md", "Before it.").chunk, passage("a.md", "Behind it.").chunk
    found = (CitedPassage(1, passage("a.md", "It."), True), CitedPassage(2, passage(n=2), True))
    around = markup.Around(1, near[:1], near[1:])
    html = markup.sources(found, "", words("en"), around)
    shown = visible(html)
    assert shown.index("Before it.") < shown.index("It.") < shown.index("Behind it.")
    assert html.count(" open>") == 1
