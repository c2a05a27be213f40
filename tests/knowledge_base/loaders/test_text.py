"""Plain text, Markdown, reStructuredText and source code."""

from __future__ import annotations

import pytest

from knowledge_base.models import Section

MARKDOWN = """---
title: Handbook
---
Before any heading.

# Library

Open **daily** with a [map](https://example.org/map).

## Fees ##

| Item | Fee |
|------|----:|
| Card | 5   |
| DVD \\| Blu-ray | 2 |

After the table.

```python
# no heading
def fee():
    return 5
```

Opening hours
-------------

9 to 5

## Nothing under this
"""


def test_markdown_keeps_headings_tables_and_code(read):
    assert read("a.md", MARKDOWN) == [
        Section("title: Handbook\n\nBefore any heading."),
        Section("Open daily with a map (https://example.org/map).", "Library"),
        Section("Item: Card; Fee: 5\nItem: DVD | Blu-ray; Fee: 2", "Library › Fees", None, True),
        Section("After the table.\n\n# no heading\ndef fee():\n    return 5", "Library › Fees"),
        Section("9 to 5", "Library › Opening hours"),
        Section("Nothing under this", "Library › Nothing under this"),
    ]


def test_a_rule_is_no_heading_and_an_open_fence_ends_with_the_file(read):
    sections = read("a.md", "One\n\n---\n\nTwo\n\n```\n# code\n")

    assert [section.text for section in sections] == ["One\n\n---\n\nTwo\n\n# code"]


def test_a_title_too_long_for_a_path_stands_in_the_text_too(read):
    title = "word " * 100

    (section,) = read("a.md", f"# {title}\n\nBody")

    assert section.text == f"{title.strip()}\n\nBody"
    assert section.heading is not None
    assert len(section.heading) < 170


def test_rst_headings_follow_from_their_underlines(read):
    text = (
        "=====\nGuide\n=====\n\nIntro\n\nSetup\n-----\n\nRun it::\n\n    make run\n\n"
        "Use\n---\nAsk.\n"
    )

    assert read("a.rst", text) == [
        Section("Intro", "Guide"),
        Section("Run it::\n\n    make run", "Guide › Setup"),
        Section("Ask.", "Guide › Use"),
    ]


def test_chinese_headings_of_rst_may_be_underlined_one_a_character(read):
    (section,) = read("a.rst", "借阅规则\n====\n\n每人五册。\n")

    assert section == Section("每人五册。", "借阅规则")


def test_source_code_keeps_its_indentation(read):
    code = "def f():\n    if x:\n        return 1\n"

    assert read("a.py", code) == [Section(code.strip())]


def test_form_feeds_of_plain_text_end_pages(read):
    assert read("a.txt", "one\ftwo") == [
        Section("one", None, 1),
        Section("two", None, 2),
    ]


def test_nul_bytes_lone_surrogates_and_unseen_marks_are_left_out(read):
    # A lone surrogate as some programs write it in UTF-8: no valid byte sequence.
    (section,) = read("a.txt", b"be\x00fore " + b"\xed\xa0\x80" + " af\u200bter\ufeff".encode())

    assert section.text.startswith("before")
    assert section.text.endswith("after")
    assert section.text.isprintable()
    section.text.encode()


def test_a_long_run_of_blanks_is_read_as_fast_as_any_other_text(read):
    (section,) = read("a.txt", "Hours  \n \t\u3000\n\n\nof" + " " * 200_000 + "opening\n")

    assert section.text == "Hours\n\nof" + " " * 200_000 + "opening"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("| 票价 | 2元 |\n|---|---|\n| 年票 | 20元 |", "票价; 2元\n年票; 20元"),
        ("| Ticket | 2 € |\n|---|---|\n| Year card | 20 € |", "Ticket; 2 €\nYear card; 20 €"),
        ("| Feature | 5 € |\n|---|---|\n| Support | yes |", "Feature: Support; 5 €: yes"),
        ("| Item | 2024 |\n|---|---|\n| Ticket | 2 € |", "Item: Ticket; 2024: 2 €"),
    ],
)
def test_a_first_row_that_is_an_amount_like_all_others_names_no_columns(read, table, expected):
    (section,) = read("a.md", table)
    assert section.text == expected
