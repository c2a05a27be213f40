"""Splitting, clipping, escaping."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.text import clip, escape_markdown, split_message, storable, utf16_length

GUARD = "\u200b"


def open_fence(part: str) -> str | None:
    """The marker of a fence that the text leaves open, read as CommonMark reads it."""
    marker = None
    for line in part.split("\n"):
        if marker is None:
            opening = re.fullmatch(r" {0,3}(`{3,16}(?!`)|~{3,16}(?!~))([^`]{0,40})", line)
            marker = opening[1] if opening else None
        elif re.fullmatch(rf" {{0,3}}{re.escape(marker[0])}{{{len(marker)},}}\s*", line):
            marker = None
    return marker


def words(text: str) -> list[str]:
    return re.findall(r"w\d+", text)


prose = st.integers(1, 120).map(lambda n: " ".join(f"w{i}" for i in range(n)) + ".")
chinese = st.integers(1, 80).map(lambda n: "".join(f"w{i}号门每天九点开放。" for i in range(n)))
emoji = st.integers(1, 80).map(lambda n: " ".join(f"w{i}👩‍🚀🇨🇳é" for i in range(n)))
items = st.integers(1, 40).map(lambda n: "\n".join(f"- item w{i}" for i in range(n)))
numbered = st.integers(1, 30).map(lambda n: "\n\n".join(f"{i + 1}. item w{i}" for i in range(n)))
table = st.integers(1, 40).map(
    lambda n: "| a | b |\n|---|---|\n" + "\n".join(f"| w{i} | x |" for i in range(n))
)
code = st.builds(
    lambda marker, language, n: (
        f"{marker}{language}\n" + "\n".join(f"    w{i} = {i}" for i in range(n)) + f"\n{marker}"
    ),
    st.sampled_from(["```", "````", "~~~"]),
    st.sampled_from(["", "python", "c++"]),
    st.integers(0, 60),
)
documents = st.lists(
    st.one_of(prose, chinese, emoji, items, numbered, table, code), min_size=1, max_size=8
).map("\n\n".join)
counts = st.sampled_from([len, utf16_length])


@given(documents, st.integers(200, 900), counts)
def test_parts_in_a_row_are_the_text_each_fits_and_closes_what_it_opens(text, limit, count):
    parts = split_message(text, limit, count)

    assert all(count(part) <= limit for part in parts)
    assert all(part.strip() for part in parts)
    assert [open_fence(part) for part in parts] == [None] * len(parts)
    assert words("\n".join(parts)) == words(text)


def blocks(text: str) -> tuple[list[tuple[str, str]], str]:
    """The lines of code with the language of their fence, and all that stands outside, unspaced."""
    inside: list[tuple[str, str]] = []
    outside: list[str] = []
    fence: tuple[str, str] | None = None
    for line in text.split("\n"):
        opening = re.fullmatch(r"(`{3,}|~{3,})(\S*)", line)
        if fence is None and opening:
            fence = opening[1], opening[2]
        elif fence is not None and line == fence[0]:
            fence = None
        elif fence is not None:
            inside.append((fence[1], line))
        else:
            outside.append("".join(line.split()))
    return inside, "".join(outside)


@given(documents, st.integers(200, 900), counts)
def test_parts_in_a_row_give_back_every_letter_and_every_line_of_code_in_its_language(
    text, limit, count
):
    inside: list[tuple[str, str]] = []
    outside = ""
    for part in split_message(text, limit, count):
        code_lines, prose_of_part = blocks(part)
        inside += code_lines
        outside += prose_of_part

    assert (inside, outside) == blocks(text)


ANYTHING = st.text(
    st.sampled_from("ab`~ \n\t-|1.。！é😀\u0301\u200d\r") | st.characters(), max_size=3000
)


@given(ANYTHING, st.integers(200, 400), counts)
@example("`" * 5000, 200, len)
@example("~" * 17 + "\n" + "x" * 900, 200, len)
@example("a" * 197 + "```b", 200, len)
@example("```" + "x" * 40 + "\n" + "y" * 900, 200, len)
@example("```\n" + "y" * 190 + "```\nz", 200, len)
@example(" " * 900 + "x", 200, len)
@example("😀" * 900, 200, utf16_length)
@example("```\n" + "\n" * 900 + "```", 200, len)
@example("- a\n" + " " * 500 + "\n- b", 200, len)
def test_no_text_breaks_the_promises(text, limit, count):
    parts = split_message(text, limit, count)

    assert all(count(part) <= limit for part in parts)
    assert all(part.strip() for part in parts)
    assert [open_fence(part) for part in parts] == [None] * len(parts)
    # Fences are reopened and closed: but for their signs and their language nothing is added.
    if "```" not in text and "~~~" not in text:
        assert "".join("".join(parts).replace(GUARD, "").split()) == "".join(
            text.replace(GUARD, "").split()
        )


def test_a_text_that_fits_is_one_part_as_it_is():
    assert split_message("Hello.\n\n- a\n- b", 2000) == ("Hello.\n\n- a\n- b",)
    assert split_message(" \n\n ", 2000) == ()


def test_a_fence_that_does_not_fit_is_reopened_with_its_language():
    code = "\n".join(f"print({i:03})" for i in range(30))

    first, second = split_message(f"```python\n{code}\n```\nDone.", 250)

    assert first.startswith("```python\nprint(000)\n")
    assert first.endswith(")\n```")
    assert second.startswith("```python\nprint(")
    assert second.endswith("print(029)\n```\nDone.")


@pytest.mark.parametrize(
    "block",
    [
        "```python\n" + "x = 1\n" * 20 + "```",
        "\n".join(f"- item {i}" for i in range(15)),
        "\n\n".join(f"{i}. loose item" for i in range(10)),
        "| a | b |\n|---|---|\n" + "\n".join("| 1 | 2 |" for _ in range(14)),
    ],
    ids=["fence", "list", "loose list", "table"],
)
def test_what_fits_into_one_part_stays_whole(block):
    assert split_message(f"{'word ' * 20}\n\n{block}", 200) == (("word " * 20).strip(), block)


def test_prose_is_cut_at_the_end_of_a_sentence_in_both_scripts():
    english = "The north gate opens at nine. " * 12
    chinese = "北门九点开。" * 60

    assert [part[-1] for part in split_message(english, 200)] == ["."] * 2
    assert [part[-1] for part in split_message(chinese, 200)] == ["。"] * 2


def test_the_time_taken_grows_with_the_text_and_no_faster():
    lines = 4000
    calls = 0

    def count(text: str) -> int:
        nonlocal calls
        calls += 1
        return len(text)

    split_message("- a line of a list\n" * lines, 2000, count)
    assert calls < 12 * lines


@given(st.text(max_size=300), st.integers(1, 100), counts)
def test_clipping_never_passes_the_limit(text, limit, count):
    clipped = clip(text, limit, count)
    assert count(clipped) <= limit
    assert clipped == text or clipped.endswith("…")


def test_a_file_name_is_never_markup():
    assert escape_markdown("a_b*[x](y)\n`z`.md") == r"a\_b\*\[x\](y) \`z\`.md"


def test_lone_surrogates_cannot_be_stored_and_are_replaced():
    assert storable("a\ud800b") == "a?b"
