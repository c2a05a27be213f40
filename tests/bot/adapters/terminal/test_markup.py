from __future__ import annotations

import io

import pytest
from rich.console import Console

from bot.adapters.terminal.markup import THEME, Page, cells, plain

TEXT = """# Fees
The **fee** is `7`. <b>Not</b> HTML [1].
Second line 白毫银针用八十五度的水冲泡，冲泡三分钟即可饮用。

- one
- two

```python
def fee():
    return 7
```

| what | 多少 |
| --- | --- |
| fee | 七 |

> quoted

The end, see [here](https://example.org/x)."""


def page(*, colours: bool = True) -> Page:
    system = "standard" if colours else None
    console = Console(file=io.StringIO(), force_terminal=True, color_system=system, theme=THEME)
    return Page(console)


def said(lines: list[str]) -> str:
    return "\n".join(map(plain, lines))


def test_markdown_becomes_lines_in_which_nothing_is_lost():
    shown = said(page().lines(TEXT, 60))
    assert shown.startswith("Fees\n\nThe fee is 7. <b>Not</b> HTML [1].\nSecond line 白毫")
    for piece in (" • one\n • two", "def fee():\n    return 7", "▌ quoted"):
        assert piece in shown
    assert shown.endswith("The end, see here (https://example.org/x).")


@pytest.mark.parametrize("width", [20, 37, 60, 100])
def test_no_line_is_wider_than_the_width(width):
    assert max(map(cells, page().lines(TEXT, width))) <= width


@pytest.mark.parametrize("step", [1, 7])
def test_a_growing_text_ends_as_the_whole_text_looks(step):
    growing = page()
    for end in range(0, len(TEXT), step):
        growing.lines(TEXT[:end], 60)
    assert growing.lines(TEXT, 60) == page().lines(TEXT, 60)


def test_a_mended_text_and_another_width_are_made_anew():
    one = page()
    one.lines(TEXT, 60)
    mended = TEXT.replace("Fees", "Costs")
    assert one.lines(mended, 60) == page().lines(mended, 60)
    assert one.lines(TEXT, 30) == page().lines(TEXT, 30)


def test_blocks_that_have_ended_are_not_made_again(monkeypatch):
    one, made = page(), []
    rendered = Page._rendered
    monkeypatch.setattr(
        Page, "_rendered", lambda self, text: made.append(text) or rendered(self, text)
    )
    paragraphs = "".join(f"Paragraph {n}.\n\n" for n in range(50))
    one.lines(paragraphs, 60)
    made.clear()
    one.lines(paragraphs + "More", 60)
    assert sum(map(len, made)) < 60


def test_without_colours_there_are_none():
    assert "\x1b[3" not in "".join(page(colours=False).lines(TEXT, 60))


def test_no_line_ends_in_blanks():
    assert all(plain(line) == plain(line).rstrip() for line in page().lines(TEXT, 60))
