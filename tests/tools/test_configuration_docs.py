"""The pages of the configuration have every key, in both languages, as the example has it now."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from bot import config_values

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def docs():
    path = ROOT / "tools" / "configuration_docs.py"
    spec = importlib.util.spec_from_file_location("configuration_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["configuration_docs"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["configuration_docs"]


def test_every_key_is_explained_in_chinese_and_no_other(docs):
    assert set(docs.chinese()) == set(config_values.keys()), "see tools/configuration.zh.toml"


def test_every_key_stands_on_the_page_once(docs):
    assert sorted(row.path for row in docs.rows()) == sorted(config_values.keys())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_are_up_to_date(docs, language):
    path = ROOT / "docs" / docs.FILES[language]
    text = path.read_text(encoding="utf-8")
    assert text == docs.page(language), "run tools/configuration_docs.py"
