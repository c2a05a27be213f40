from __future__ import annotations

import pytest

from knowledge_base.library import Library
from tests.support.libraries import add_text, open_library
from tests.support.shell import bot


@pytest.fixture
async def folder(tmp_path):
    library: Library
    async with open_library(tmp_path / "data") as library:
        shared = await library.ensure_base("shared")
        await library.ensure_base("手册")
        other = await library.ensure_base("harbour")
        for name in ("fees 2026.md", "手册.md", "ferry.md"):
            await add_text(library, shared.base_id, tmp_path, name, f"About {name}.")
        await add_text(library, other.base_id, tmp_path, "quay.md", "The quay.")
    return tmp_path


def suggested(folder, shell: str, *words: str, **environ: str) -> list[str]:
    line = " ".join(["lorekeeper", *words])
    given = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words))},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    done = bot(folder, _LOREKEEPER_COMPLETE=f"complete_{shell}", **given, **environ)
    assert done.err == ""
    return [line for line in done.out.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_names_of_bases_are_suggested(folder, shell):
    assert suggested(folder, shell, "kb", "list", "--base", "") == ["harbour", "shared", "手册"]
    assert suggested(folder, shell, "kb", "list", "--base", "ha") == ["harbour"]
    assert suggested(folder, shell, "chat", "--base", "手") == ["手册"]


def test_zsh_is_answered_in_its_own_words(folder):
    line = " ".join(suggested(folder, "zsh", "kb", "list", "--base", ""))
    assert all(f'"{name}"' in line for name in ("harbour", "shared", "手册"))


def test_names_of_documents_are_those_of_the_base_that_was_named(folder):
    assert suggested(folder, "fish", "kb", "remove", "fe") == ["fees 2026.md", "ferry.md"]
    assert suggested(folder, "fish", "kb", "remove", "--base", "harbour", "") == ["quay.md"]


def test_what_bash_would_act_upon_is_escaped(folder):
    assert suggested(folder, "bash", "kb", "remove", "fees") == ["fees\\ 2026.md"]


def test_the_configuration_says_where_the_data_lies(folder):
    (folder / "conf").mkdir()
    (folder / "conf" / "c.toml").write_text('data_dir = "../data"\n')
    elsewhere = folder / "conf"
    words = ("kb", "--config", "c.toml", "list", "--base", "h")
    assert suggested(elsewhere, "fish", *words) == ["harbour"]
    assert suggested(elsewhere, "fish", "kb", "list", "--base", "h") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_nothing_is_suggested_and_nothing_made_where_there_is_no_data(tmp_path, shell):
    assert "harbour" not in " ".join(suggested(tmp_path, shell, "kb", "list", "--base", ""))
    assert list(tmp_path.iterdir()) == []


def test_commands_are_suggested_in_all_their_groups(tmp_path):
    assert {"remove", "rebuild"} <= set(suggested(tmp_path, "bash", "kb", "re"))


@pytest.mark.parametrize(
    ("shell", "word"),
    [("bash", "COMP_WORDS"), ("zsh", "#compdef lorekeeper"), ("fish", "complete --command")],
)
def test_the_script_is_of_the_shell_that_is_named_whichever_runs_it(tmp_path, shell, word):
    done = bot(tmp_path, "--show-completion", shell, SHELL="/bin/sh")
    assert done.code == 0
    assert word in done.out
    assert "_LOREKEEPER_COMPLETE" in done.out


def test_a_shell_that_is_named_is_the_one_that_completion_is_installed_for(tmp_path):
    done = bot(tmp_path, "--install-completion", "fish")
    assert done.code == 0
    (script,) = (tmp_path / ".config" / "fish" / "completions").iterdir()
    assert script.name == "lorekeeper.fish"
