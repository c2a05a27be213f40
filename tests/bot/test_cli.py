from __future__ import annotations

import pytest

from tests.support.shell import bot


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("kb", "add"),
        ("kb", "search"),
        ("kb", "search", "a", "--queries", "/dev/null"),
        ("kb", "search", "a", "--limit", "0"),
        ("kb", "search", "a", "--legs", "three"),
        ("chat", "--json"),
        ("chat", "--questions", "/dev/null"),
        ("chat", "--once", "a", "--questions", "/dev/null", "--json"),
        ("chat", "--questions", "missing.jsonl", "--json"),
        ("kb", "list", "--unknown"),
        ("kb", "list", "--base", ""),
        ("kb", "list", "--base", "a\x1b[31m"),
        ("kb", "list", "--base", "\udcff"),
        ("chat", "--once", "a", "--base", "\udcff"),
    ],
)
def test_wrong_usage_ends_with_two(tmp_path, arguments):
    done = bot(tmp_path, *arguments)
    assert (done.code, done.out) == (2, ""), done
    assert "Error" in done.err or "Usage" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--config", "F", "kb", "list"),
        ("kb", "--config", "F", "list"),
        ("kb", "list", "--config", "F"),
    ],
)
def test_the_configuration_is_accepted_in_every_place(tmp_path, arguments):
    (tmp_path / "F").write_text("[web]\nprot = 1\n")
    done = bot(tmp_path, *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err == "F: line 2: web.prot: unknown key (did you mean web.port?)\n"


def test_what_is_wrong_with_a_configuration_is_told_in_the_language_that_it_asks_for(tmp_path):
    (tmp_path / "config.toml").write_text('[chat]\nlanguage = "zh"\n[web]\nprot = 1\n')
    chinese = "config.toml：第 4 行：web.prot：没有这个键（是不是想写 web.port？）\n"
    assert bot(tmp_path, "kb", "list").err == chinese
    (tmp_path / "config.toml").write_text("[web]\n\n\nprot = 1\n")
    assert bot(tmp_path, "kb", "list", LANG="zh_CN.UTF-8").err == chinese
    assert "没有这个键" in bot(tmp_path, "check", LANG="zh_CN.UTF-8").out


def test_a_configuration_that_is_not_there_is_wrong_usage(tmp_path):
    done = bot(tmp_path, "run", "--config", "none.toml")
    assert (done.code, done.err) == (2, "none.toml: there is no such file\n")


def test_an_unknown_variable_is_wrong_usage(tmp_path):
    done = bot(tmp_path, "kb", "list", LOREKEEPER__WEB__PROT="1")
    assert (done.code, done.out) == (2, "")
    assert "LOREKEEPER__WEB__PORT" in done.err


def test_a_base_that_does_not_exist_is_one_sentence(tmp_path):
    done = bot(tmp_path, "kb", "list", "--base", "nope")
    assert (done.code, done.out, done.err) == (1, "", "There is no knowledge base `nope`.\n")


def test_sentences_follow_the_configured_language(tmp_path):
    (tmp_path / "config.toml").write_text('[chat]\nlanguage = "zh"\n')
    done = bot(tmp_path, "kb", "list", "--base", "nope")
    assert done.code == 1
    assert "nope" in done.err
    assert "knowledge base" not in done.err


def test_the_data_lies_where_the_configuration_says(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "my config.toml").write_text('data_dir = "数据 1"\n')
    assert bot(tmp_path, "kb", "list", "--config", "conf/my config.toml").code == 0
    assert (tmp_path / "conf" / "数据 1" / "knowledge.db").exists()
    assert not (tmp_path / "data").exists()


def test_a_model_that_is_not_there_is_named(tmp_path):
    (tmp_path / "config.toml").write_text('[engine]\nmodel = "nowhere.gguf"\n')
    done = bot(tmp_path, "chat", "--once", "hello")
    assert (done.code, done.out) == (1, "")
    assert "There is no model" in done.err
    assert "nowhere.gguf" in done.err


def test_an_owner_without_a_platform_is_told_as_configuration(tmp_path):
    (tmp_path / "config.toml").write_text('owners = ["123"]\n')
    done = bot(tmp_path, "chat", "--once", "hello")
    assert (done.code, done.out) == (2, "")
    assert "owners: '123' must read like \"discord:123\"" in done.err


def test_a_data_directory_that_cannot_be_written_is_told_as_configuration(tmp_path):
    (tmp_path / "taken").write_text("a file")
    done = bot(tmp_path, "kb", "list", LOREKEEPER__DATA_DIR=str(tmp_path / "taken"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("data_dir: nothing can be stored in ")
