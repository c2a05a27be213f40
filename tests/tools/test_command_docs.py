from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from core.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def docs():
    path = ROOT / "tools" / "command_docs.py"
    spec = importlib.util.spec_from_file_location("command_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_of_commands_are_what_the_table_says(docs, language):
    path = ROOT / "docs" / docs.FILES[language]
    assert path.read_text(encoding="utf-8") == docs.page(language), "run tools/command_docs.py"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_command_stands_on_the_page_once(docs, language):
    page = docs.page(language)
    for command in COMMANDS:
        assert page.count(f"| `{command.usage}` |".replace("|", "\\|", 0)) <= 1
        assert f"`/{command.name}" in page
