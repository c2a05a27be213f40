"""Links and pings in what a model writes."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.links import BREAK, Addresses, LinkFilter, without_links, without_pings

PASSAGES = ("Tickets: https://garden.example.com/tickets (or garden.org). 见https://公园.cn",)
ALLOWED = Addresses.of(PASSAGES, ["wiki.example.net", "https://a.io/page/"])
GONE = "(link removed)"


def shown(text: str) -> str:
    return without_links(text, ALLOWED, GONE)


@pytest.mark.parametrize(
    "text",
    [
        "Buy them at https://garden.example.com/tickets.",
        "Buy them (https://garden.example.com/tickets) there.",
        "在https://garden.example.com/tickets买票。",
        "[Tickets](https://garden.example.com/tickets) [1]",
        "[garden.example.com](https://garden.example.com/tickets)",
        "<https://garden.example.com/tickets>",
        "See garden.org and http://GARDEN.org/",
        "https://wiki.example.net/Any/Page?x=1 and https://en.wiki.example.net",
        "https://a.io/page",
        "A list: [1][2], [x], an e-mail of 3.5 MB, e.g. main.py or README.md.",
        "```python\n@dataclass\nclass A: ...\n```\nand `@property`.",
        "Half past nine @ the gate",
    ],
)
def test_what_may_be_shown_is_shown_as_it_is(text):
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Go to https://evil.example/x?y=1.", f"Go to {GONE}."),
        ("去https://evil.example看看", f"去{GONE}看看"),
        ("[Tickets](https://evil.example)", "Tickets"),
        ("[Tickets](evil)", "Tickets"),
        ("[](https://evil.example)", GONE),
        ("![chart](https://evil.example/a.png)", "chart"),
        ("<https://evil.example>", GONE),
        ("https://garden.example.com/tickets/../evil", GONE),
        ("https://garden.example.com@evil.com/tickets", GONE),
        ("https://wiki.example.net@evil.com/", GONE),
        (r"https://evil.com\@wiki.example.net/", GONE),
        ("tg://resolve?domain=evil", GONE),
        ("ht**tp**s://evil.example", GONE),
        (r"https\://evil.example", GONE),
        ("https&#58;//evil.example", GONE),
        ("[a](javascript:alert(1))", "a"),
        ("in `https://evil.example` too", f"in `{GONE}` too"),
    ],
)
def test_other_addresses_are_taken_out(text, expected):
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t.me/evil", "t.|me/evil"),
        ("discord.gg/evil", "discord.|gg/evil"),
        ("evil.zz/login", "evil.|zz/login"),
        ("evil**.**com", "evil.|com"),
        ("evil.[c](x)om", "evil.|c|om"),
        ("joe@evil.com", "joe@|evil.|com"),
        ("@everyone and @here", "@|everyone and @|here"),
        ("`@everyone`", "`@|everyone`"),
        ("<@123> <@&1> <#2> </kb:3>", "<@|123> <@|&1> <|#2> </|kb:3>"),
        ("(@alice) **@bob** @**carol**", "(@|alice) **@|bob** @|**carol**"),
        ("` @alice", "` @|alice"),
        ("@[alice](x)", "@|alice"),
        ("[go]: evil.zz\n[here][go]", "[go]|: evil.zz\n[here][go]"),
    ],
)
def test_what_clients_would_make_a_link_or_a_ping_of_only_reads_like_one(text, expected):
    assert shown(text).replace(BREAK, "|") == expected


def test_words_that_show_another_host_than_they_lead_to_are_written_out():
    assert shown("[bank.com](https://garden.example.com/tickets)").replace(BREAK, "|") == (
        "bank.|com (https://garden.example.com/tickets)"
    )


PIECES = st.sampled_from(
    [
        "https://evil.example", "https://garden.example.com/tickets", "[", "](", ")", "!", "@bob",
        "`", "```\n", "\n", " ", "evil.com", "门", "word", "**", "\\", "&#58;", "//", ":", "]", ".",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=60)


@given(TEXTS, st.lists(st.integers(0, 80), max_size=6))
@example("![a](https://evil.example)b", [1, 5])
def test_how_the_text_was_cut_makes_no_difference(text, cuts):
    links = LinkFilter(ALLOWED, GONE)
    given_out, at = "", 0
    for cut in sorted(cuts):
        given_out += links.feed(text[at:cut])
        at = max(at, cut)
    given_out += links.feed(text[at:]) + links.end()
    assert given_out == shown(text)


@example("@bob@bobevil.com@bobevil.com")
@given(TEXTS)
def test_no_foreign_address_comes_out_and_a_second_time_changes_nothing(text):
    once = shown(text)
    assert shown(once) == once
    assert not re.search(r"https?://evil", once)
    if "`" not in text:
        assert not re.search(r"(?<![\w.+-])@bob", once)


def test_nothing_of_an_address_is_shown_before_it_is_judged():
    links = LinkFilter(ALLOWED, GONE)
    text = "See https://evil.example/long/path now"
    seen = "".join(links.feed(letter) for letter in text[:-3])
    assert seen == f"See {GONE} "


def test_names_of_others_neither_link_nor_ping():
    assert without_pings("@everyone https://x.yz t.me/x.md").replace(BREAK, "|") == (
        "@|everyone https:|//x.yz t.|me/x.|md"
    )
