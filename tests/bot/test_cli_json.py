"""Every command tells programs what it did, as objects on lines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest
import typer

from bot.cli import app
from tests.support.shell import Done, bot, environment

WITHOUT = {
    "run": "it serves until it is stopped: what it says is the log, which has a format of its own",
}


def commands(found: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    below: Mapping[str, object] = getattr(found, "commands", {})
    for name, one in below.items():
        yield from commands(one, (*path, name))
    if not below or getattr(found, "invoke_without_command", False):
        yield path, found


def test_every_command_has_json_or_a_reason_to_have_none():
    lacking = {
        " ".join(path)
        for path, command in commands(typer.main.get_command(app))
        if not any("--json" in option.opts for option in command.params)
    }
    assert lacking == set(WITHOUT)


def typed(folder, *arguments: str, line: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=environment(folder),
        input=f"{line}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_accounts_are_made_changed_and_removed_for_programs(tmp_path):
    made = typed(
        tmp_path, "console", "add-user", "安", "--role", "viewer", "--json", line="sesame sesame"
    )
    assert made.row == {"name": "安", "role": "viewer", "added": True}
    again = typed(
        tmp_path, "console", "add-user", "安", "--role", "viewer", "--json", line="sesame sesame"
    )
    assert (again.code, again.row["added"]) == (1, False)
    assert "安" in again.err
    changed = typed(tmp_path, "console", "passwd", "安", "--json", line="open barley")
    assert changed.row == {"name": "安", "changed": True}
    removed = bot(tmp_path, "console", "remove", "安", "--json")
    assert removed.row == {"name": "安", "removed": True}
    for command in ("passwd", "remove"):
        gone = typed(tmp_path, "console", command, "安", "--json", line="open barley")
        assert gone.code == 1
        assert False in gone.row.values()


def test_a_key_is_revoked_for_programs(tmp_path):
    made = bot(tmp_path, "keys", "create", "--base", "shared", "--json").row
    assert bot(tmp_path, "keys", "revoke", made["id"], "--json").row == {
        "id": made["id"],
        "revoked": True,
    }
    again = bot(tmp_path, "keys", "revoke", made["id"], "--json")
    assert (again.code, again.row["revoked"]) == (1, False)


def test_who_is_forgotten_is_told_to_programs(tmp_path):
    assert bot(tmp_path, "forget", "discord:5", "--yes", "--json").row == {
        "id": "discord:5",
        "forgotten": True,
    }
    refused = bot(tmp_path, "forget", "discord:5", "--json")
    assert (refused.code, refused.out) == (2, "")


@pytest.mark.parametrize(
    ("token", "code", "configured", "links"),
    [
        ("", 0, False, False),
        ("MTIzNDU2Nzg5MDEyMzQ1Njc4.x.y", 0, True, True),
        ("no token", 1, True, False),
    ],
)
def test_links_are_told_to_programs(tmp_path, token, code, configured, links):
    given = {"DISCORD_TOKEN": token} if token else {}
    done = bot(tmp_path, "invite", "--json", **given)
    discord, telegram = done.rows
    assert (done.code, discord["configured"], bool(discord["link"])) == (code, configured, links)
    assert telegram == {"platform": "telegram", "configured": False, "link": None}


def test_what_was_restored_is_told_to_programs(tmp_path):
    (tmp_path / "手册.md").write_text("# 手册\n\n白毫银针用八十五度的水冲泡。\n", encoding="utf-8")
    assert bot(tmp_path, "kb", "add", "手册.md").code == 0
    made = bot(tmp_path, "backup", "--to", "kept", "--json").row
    told = bot(tmp_path, "restore", "kept", "--into", "new", "--json").row
    assert told["documents"] == made["documents"] == 1
    assert told["into"] == str(tmp_path / "new")
    assert (told["aside"], told["to_forget"], told["missing"]) == (None, 0, [])
    assert json.dumps(told["made_at"])
