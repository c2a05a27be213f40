from __future__ import annotations

import tomllib

import pytest

from bot import config as configuration
from bot.models.catalogue import catalogue
from tools.model_docs import FILES, ROOT, current, table


@pytest.mark.parametrize("language", FILES)
def test_the_table_of_models_is_up_to_date(language):
    path = ROOT / "docs" / FILES[language]
    assert path.read_text(encoding="utf-8") == current(language)


@pytest.mark.parametrize("language", FILES)
def test_every_model_of_the_list_is_in_the_table(language):
    written = table(language)
    assert all(f"| `{model.name}` |" in written for model in catalogue())


@pytest.mark.parametrize("language", FILES)
def test_every_configuration_in_the_text_can_be_read(language, tmp_path):
    blocks = (ROOT / "docs" / FILES[language]).read_text(encoding="utf-8").split("```toml\n")[1:]
    assert len(blocks) >= 6
    for block in blocks:
        text = block.partition("```")[0]
        tomllib.loads(text)
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        configuration.load(tmp_path / "config.toml", {"CLOUD_KEY": "x", "HF_TOKEN": "x"})
