"""`python -m bot keys …`, as a process."""

from __future__ import annotations

import sqlite3

from tests.support.shell import bot


def test_a_key_is_shown_once_listed_and_revoked(tmp_path):
    made = bot(tmp_path, "keys", "create", "--base", "shared", "--name", "wiki", "--json")
    assert made.code == 0, made.err
    key_id, token = made.row["id"], made.row["key"]
    assert token.startswith(f"lk-{key_id}-")

    (listed,) = bot(tmp_path, "keys", "list", "--json").rows
    assert (listed["id"], listed["name"], listed["bases"]) == (key_id, "wiki", ["shared"])
    assert (listed["plain"], listed["rate"], listed["revoked_at"]) == (False, None, None)
    shown = bot(tmp_path, "keys", "list", LC_ALL="zh_CN.UTF-8").out
    assert "有效" in shown
    assert token not in shown

    # Who has a key before them that leaked gives all of it; nothing repeats that.
    revoked = bot(tmp_path, "keys", "revoke", token, "--json")
    assert (revoked.code, revoked.row) == (0, {"id": key_id, "revoked": True})
    again = bot(tmp_path, "keys", "revoke", key_id)
    assert again.code == 1
    assert "keys list" in again.err
    assert "revoked" in bot(tmp_path, "keys", "list").out

    with sqlite3.connect(tmp_path / "data" / "lorekeeper.db") as rows:
        acts = rows.execute("SELECT platform, author, act, about FROM audit ORDER BY audit_id")
        assert acts.fetchall() == [
            ("api", "shell", "key made", f"{key_id} wiki"),
            ("api", "shell", "key withdrawn", f"{key_id} wiki"),
        ]
    rows.close()


def test_the_options_of_a_key_are_kept(tmp_path):
    given = ("--plain", "--rate", "7", "--expires", "2199-01-31")
    assert bot(tmp_path, "keys", "create", *given).code == 0
    (listed,) = bot(tmp_path, "keys", "list", "--json").rows
    assert (listed["plain"], listed["rate"], listed["bases"]) == (True, 7, [])
    assert listed["expires_at"].startswith("2199-01-31")
    assert "2199-01-31" in bot(tmp_path, "keys", "list").out


def test_a_key_for_nothing_or_for_a_base_that_is_not_there_is_not_made(tmp_path):
    for arguments, code in (
        ((), 2),
        (("--base", "nothing"), 1),
        (("--base", "shared", "--expires", "2001-01-01"), 2),
        (("--base", "shared", "--rate", "0"), 2),
    ):
        done = bot(tmp_path, "keys", "create", *arguments)
        assert (done.code, done.out) == (code, ""), done.err
    assert bot(tmp_path, "keys", "list", "--json").rows == []
