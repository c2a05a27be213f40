"""Links and pings in what a model writes."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.links import BREAK, Addresses, LinkFilter, without_links, without_pings

PASSAGES = (
    "Tickets: https://garden.example.com/tickets (or garden.org). 见https://公园.cn "
    "茶：https://tea.example.org/wiki/茶?lang=中文",
)
ALLOWED = Addresses.of(PASSAGES, ["wiki.example.net", "https://a.io/page/"])
GONE = "(link removed)"


def shown(text: str) -> str:
    return without_links(text, ALLOWED, GONE)


@pytest.mark.parametrize(
    "text",
    [
        "Buy them at https://garden.example.com/tickets.",
        "Buy them (https://garden.example.com/tickets) there.",
        "在https://garden.example.com/tickets。",
        "茶：https://tea.example.org/wiki/茶?lang=中文, and so on.",
        "见https://wiki.example.net/Any/中文页",
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It opens at nine [1](daily).", "It opens at nine [1] (daily)."),
        ("九点开门[1](周末除外)。", "九点开门[1] (周末除外)。"),
        ("[2](@everyone)", "2"),
        ("[1](evil.zz)", "1"),
        ("[1](https://evil.example)", "1"),
        ('[1](x "y")', "1"),
    ],
)
def test_a_word_in_brackets_behind_a_marker_is_no_link(text, expected):
    assert shown(text) == expected
    assert shown(shown(text)) == expected
    links = LinkFilter(ALLOWED, GONE)
    assert "".join(map(links.feed, text)) + links.end() == expected


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [")", "a.", "1.", "a.b/", "a@b.co@", "http://", "]("])
def test_a_long_run_of_what_may_begin_an_address_is_read_at_once(piece):
    text = f"http://{piece * 40_000}"
    assert Addresses.of([text, piece * 40_000]).long == frozenset()
    assert without_pings(text).startswith("http:")


def test_words_that_show_another_host_than_they_lead_to_are_written_out():
    assert shown("[bank.com](https://garden.example.com/tickets)").replace(BREAK, "|") == (
        "bank.|com (https://garden.example.com/tickets)"
    )


PIECES = st.sampled_from(
    [
        "https://evil.example", "https://garden.example.com/tickets", "[", "](", ")", "!", "@bob",
        "`", "```\n", "\n", " ", "evil.com", "门", "word", "**", "\\", "&#58;", "//", ":", "]", ".",
        "[1](",
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "在https://garden.example.com/tickets买票。",
            "在https://garden.example.com/tickets 买票。",
        ),
        # Clients would tell the garden what stands behind, or go to another host.
        (
            "https://garden.example.com/tickets。evil.com",
            "https://garden.example.com/tickets。 evil",
        ),
        ("https://garden.example.com/tickets“她病了", "https://garden.example.com/tickets “她病了"),
        ("https://garden.example.com/tickets[she]", "https://garden.example.com/tickets [she]"),
        ('https://garden.example.com/tickets"she"', 'https://garden.example.com/tickets" she"'),
        ("https://garden.example.com/tickets`she`", "https://garden.example.com/tickets `she`"),
        ("garden.org茶", "garden.org 茶"),
        ("https://wiki.example.net。evil.com", "https://wiki.example.net。 evil"),
        # What stands in a passage goes on as it does there.
        ("https://tea.example.org/wiki/茶?lang=中国", "https://tea.example.org/wiki/茶?lang=中 国"),
        ("https://tea.example.org/wiki/她病了", "https://tea.example.org/wiki/ 她病了"),
    ],
)
def test_nothing_runs_on_an_address(text, expected):
    assert shown(text).startswith(expected)
    assert shown(shown(text)) == shown(text)
    links = LinkFilter(ALLOWED, GONE)
    assert "".join(map(links.feed, text)) + links.end() == shown(text)
