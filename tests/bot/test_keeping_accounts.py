"""`python -m bot console …`, as a process."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

from tests.support.shell import environment


def console(folder, *arguments, typed="", **environ):
    done = subprocess.run(
        [sys.executable, "-m", "bot", "console", *arguments],
        cwd=folder,
        env=environment(folder) | environ,
        input=typed,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_accounts_are_made_listed_changed_and_removed(tmp_path):
    code, out, err = console(tmp_path, "list")
    assert (code, err) == (0, "")
    assert "add-user" in out
    made = console(tmp_path, "add-user", "ann", "--role", "operator", typed="sesame sesame\n")
    assert made == (0, "ann can log in now.\n", "")
    console(tmp_path, "add-user", "安", "--role", "viewer", typed="开门开门开门开门\n")
    assert console(tmp_path, "add-user", "ANN", "--role", "viewer", typed="other other\n")[0] == 1
    _code, listed, _err = console(tmp_path, "list", LC_ALL="zh_CN.UTF-8")
    assert "操作员" in listed
    assert "只读用户" in listed
    assert console(tmp_path, "passwd", "ann", typed="open barley\n")[0] == 0
    assert console(tmp_path, "passwd", "bob", typed="open barley\n")[0] == 1
    assert console(tmp_path, "remove", "ann")[0] == 0
    assert console(tmp_path, "remove", "ann")[0] == 1
    with sqlite3.connect(tmp_path / "data" / "lorekeeper.db") as rows:
        acts = rows.execute("SELECT author, act, about FROM audit ORDER BY audit_id").fetchall()
    rows.close()
    assert acts == [
        ("shell", "account made", "ann"),
        ("shell", "account made", "安"),
        ("shell", "account changed", "ann"),
        ("shell", "account removed", "ann"),
    ]


def test_what_cannot_be_an_account_is_not_made(tmp_path):
    for arguments, typed in (
        (("add-user", "ann", "--role", "viewer"), "short\n"),
        (("add-user", "ann", "--role", "viewer"), ""),
        (("add-user", "a\nb", "--role", "viewer"), "sesame sesame\n"),
        (("add-user", "ann", "--role", "king"), "sesame sesame\n"),
        (("add-user", "ann"), "sesame sesame\n"),
    ):
        code, out, _err = console(tmp_path, *arguments, typed=typed)
        assert (code, out) == (2, "")
    assert console(tmp_path, "list", "--json") == (0, "", "")
