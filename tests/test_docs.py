"""The documentation says what can be done: its commands, configurations and links are tried."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest
import typer

from bot.cli import app
from bot.config import load

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "docs/decisions/*.md")
    for path in ROOT.glob(pattern)
    if path.name not in {"CHANGELOG.md", "BENCHMARKS.md"}
)
PAIRS = [page for page in PAGES if page.with_name(f"{page.stem}.zh-CN.md").exists()]
BLOCK = re.compile(r"^[ ]*(?:\d+\. )?```(\w*)\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(text: str) -> str:
    return BLOCK.sub("", text)


def commands(text: str) -> Iterator[list[str]]:
    """Words behind `python -m bot`; what may be left out stands in brackets."""
    lines = [line for _, block in BLOCK.findall(text) for line in block.splitlines()]
    for line in lines + re.findall(r"`([^`\n]+)`", prose(text)):
        for found in re.findall(r"python -m bot((?: [^|&;#<>]+)?)", line):
            yield shlex.split(re.sub(r"[\[\]…]|\.\.\.", " ", found))


PROGRAM = cache(partial(typer.main.get_command, app))


def unknown_in(words: list[str]) -> list[str]:
    """Commands and options that the program does not have."""
    command = PROGRAM()
    known = {option for own in command.params for option in own.opts}
    unknown = []
    while words:
        word, *words = words
        if word in getattr(command, "commands", {}):
            command = command.commands[word]  # type: ignore[attr-defined]
            known |= {
                option for own in command.params for option in (*own.opts, *own.secondary_opts)
            }
        elif (word.startswith("--") and word not in known) or (
            getattr(command, "commands", None)
            and not command.invoke_without_command  # type: ignore[attr-defined]
            and re.fullmatch(r"[a-z-]+", word)
        ):
            unknown.append(word)
    return unknown


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_program_has_every_command_and_option_that_a_page_shows(page: Path) -> None:
    shown = list(commands(page.read_text(encoding="utf-8")))
    assert [" ".join(words) for words in shown if unknown_in(words)] == []


def test_a_command_or_option_that_is_none_would_be_noticed() -> None:
    assert unknown_in(shlex.split("kb ad file.txt")) == ["ad"]
    assert unknown_in(shlex.split("kb add file.txt --bas shared")) == ["--bas"]
    assert unknown_in(shlex.split("kb add file.txt --base shared --json")) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_configuration_that_a_page_shows_can_be_used(page: Path, tmp_path: Path) -> None:
    for kind, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "toml":
            (tmp_path / "config.toml").write_text(textwrap.dedent(block), encoding="utf-8")
            for file in re.findall(r'\w+_file = "([\w.]+)"', block):
                (tmp_path / file).write_text("secret", encoding="utf-8")
            load(tmp_path / "config.toml")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_the_documentation_leads_somewhere(page: Path) -> None:
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def tables(text: str) -> Iterator[list[int]]:
    """How many cells each row of a table has."""
    for block in re.findall(r"(?:^\|.*\n)+", prose(text), re.MULTILINE):
        yield [len(re.findall(r"(?<!\\)\|", row)) - 1 for row in block.splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_row_of_a_table_has_the_cells_of_its_head(page: Path) -> None:
    for cells in tables(page.read_text(encoding="utf-8")):
        assert set(cells) == {cells[0]}, cells


@pytest.mark.parametrize("page", PAIRS, ids=name_of)
def test_both_languages_have_the_same_sections_tables_and_commands(page: Path) -> None:
    english = page.read_text(encoding="utf-8")
    chinese = page.with_name(f"{page.stem}.zh-CN.md").read_text(encoding="utf-8")
    assert outline(english) == outline(chinese)


def outline(text: str) -> list[str]:
    """Titles' levels, kinds of blocks, rows of tables; commands without what one fills in."""
    lines = [match[1] for match in re.finditer(r"^(#+) ", prose(text), re.MULTILINE)]
    kinds = [kind for kind, _ in BLOCK.findall(text)]
    rows = len(re.findall(r"^\|", text, re.MULTILINE))
    shown = [
        " ".join(word for word in words if re.fullmatch(r"-{0,2}[a-z-]+", word))
        for words in commands(text)
    ]
    return [*lines, *kinds, f"{rows} rows", *shown]
