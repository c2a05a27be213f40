"""`kb eval` and `kb tune` as a person starts them."""

from __future__ import annotations

import json
import tomllib

from tests.support.shell import bot

BARE = "[web]\nenabled = false\n[knowledge]\nfolders = {}\n[engine]\nkind = 'extractive'\n"
ROWS = [
    {"id": "a", "kind": "fact", "question": "When does the pool open on Mondays?",
     "document": "pool.txt", "words": ["nine"]},
    {"id": "b", "kind": "unanswerable", "question": "Who painted the ceiling?", "document": None},
]  # fmt: skip


def test_questions_are_asked_kept_compared_and_exported(tmp_path):
    (tmp_path / "config.toml").write_text(BARE)
    (tmp_path / "pool.txt").write_text("The pool opens on Mondays at nine and closes at six.")
    file = tmp_path / "golden.jsonl"
    file.write_text("# of the town\n" + "\n".join(map(json.dumps, ROWS)))
    assert bot(tmp_path, "kb", "add", "pool.txt", "--base", "town").code == 0
    first = bot(tmp_path, "kb", "eval", "golden.jsonl", "--base", "town", "--json")
    assert (first.code, first.row["against"], first.row["engine"]) == (0, None, "extractive")
    pool, ceiling = first.row["answered"]
    assert (pool["rank"], pool["held"], pool["cited"], pool["in_language"]) == (1, True, True, True)
    assert not ceiling["answerable"]
    assert first.row["figures"]["all"]["answer"]["value"] == 1.0
    (tmp_path / "before.json").write_text(first.out)
    again = bot(
        tmp_path, "kb", "eval", "golden.jsonl", "--base", "town", "--against", "before.json",
        LC_ALL="zh_CN.UTF-8",
    )  # fmt: skip
    assert again.code == 0
    assert "回答含有预期词语" in again.out
    assert "town 的 2 个问题" in again.out
    tried = bot(
        tmp_path, "kb", "eval", "golden.jsonl", "--base", "town", "--engine", "extractive", "--json"
    )
    after = bot(tmp_path, "kb", "eval", "golden.jsonl", "--base", "town", "--json")
    # Another engine is tried beside what is kept, and does not take its place.
    assert tried.row["against"]["at"] == after.row["against"]["at"] < tried.row["at"]
    (tmp_path / "other.toml").write_text(f"{BARE}[chat]\nlanguage = 'zh'\n")
    beside = bot(
        tmp_path, "kb", "eval", "golden.jsonl", "--base", "town", "--beside", "other.toml", "--json"
    )
    assert beside.row["against"]["figures"]["all"]["answer"]["value"] == 1.0
    assert beside.row["against"]["at"] > first.row["at"]
    both = bot(tmp_path, "kb", "eval", "--against", "before.json", "--beside", "other.toml")
    assert "--against or --beside" in both.err
    tuned = bot(tmp_path, "kb", "tune", "golden.jsonl", "--base", "town", "--json")
    assert tuned.row["suggested"] == {"threshold": None, "passages": None}
    assert (bot(tmp_path, "kb", "eval", "--from", "feedback").out) == ""


def test_what_cannot_be_used_is_told_with_its_line(tmp_path):
    (tmp_path / "config.toml").write_text(BARE)
    file = tmp_path / "golden.jsonl"
    file.write_text('{"question": "Why?", "unanswerable": true}\n{"question": 7}\n')
    done = bot(tmp_path, "kb", "eval", "golden.jsonl")
    assert done.code != 0
    assert "golden.jsonl: line 2: is no golden question" in done.err
    unknown = bot(tmp_path, "kb", "eval", "--engine", "oracle")
    assert "'oracle' is none of extractive, bundled" in unknown.err
    file.write_text("{}")
    other = bot(tmp_path, "kb", "eval", "--against", "golden.jsonl")
    assert (other.code, "holds no run" in other.err) == (2, True)


def test_what_helps_is_told_as_the_configuration_takes_it(tmp_path):
    strict = "[web]\nenabled = false\n[knowledge]\nfolders = {}\nrelevance_threshold = 1\n"
    config = tmp_path / "config.toml"
    config.write_text(strict)
    (tmp_path / "town").mkdir()
    rows = []
    for place in ("pool", "library", "museum", "bakery", "ferry", "hut"):
        (tmp_path / "town" / f"{place}.md").write_text(f"The {place} opens at nine o'clock.")
        rows.append({"question": f"When does the {place} open?", "document": f"{place}.md"})
    rows += [
        {"question": f"Who won the {own} prize?", "unanswerable": True}
        for own in ("moon", "king", "football", "tax", "opera", "volcano")
    ]
    (tmp_path / "golden.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert bot(tmp_path, "kb", "add", "town", "--base", "town").code == 0
    tuned = bot(tmp_path, "kb", "tune", "golden.jsonl", "--base", "town")
    lines = tuned.out.split("In config.toml:\n")[1]
    suggested = tomllib.loads(lines)["knowledge"]["relevance_threshold"]
    assert 0 < suggested < 1
    config.write_text(
        strict.replace("relevance_threshold = 1", f"relevance_threshold = {suggested}")
    )
    again = bot(tmp_path, "kb", "tune", "golden.jsonl", "--base", "town", "--json")
    assert (again.row["threshold"], again.row["suggested"]["threshold"]) == (suggested, None)


def test_the_shipped_questions_are_not_asked_of_another_base(tmp_path):
    (tmp_path / "config.toml").write_text(BARE)
    (tmp_path / "pool.txt").write_text("The pool opens on Mondays at nine and closes at six.")
    assert bot(tmp_path, "kb", "add", "pool.txt", "--base", "town").code == 0
    done = bot(tmp_path, "kb", "tune", "--base", "town")
    assert (done.code, done.out) == (2, "")
    assert "Name a file of questions" in done.err
    chinese = bot(tmp_path, "kb", "tune", "--base", "town", LC_ALL="zh_CN.UTF-8")
    assert "请给出一个问题文件" in chinese.err
    (tmp_path / "golden.txt").write_text("When does the pool open? | pools.txt")
    for command in ("tune", "eval"):
        told = bot(tmp_path, "kb", command, "golden.txt", "--base", "town", "--json")
        assert "as no document is called so: `pools.txt`" in told.err
