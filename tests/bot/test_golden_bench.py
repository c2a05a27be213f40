"""Golden questions asked through an inbox, kept, and held against each other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot import golden_runs
from bot.errors import WorseAnswersError
from bot.golden_bench import SCRATCH, Bench, judged
from bot.golden_exporting import line_of
from bot.golden_report import show, wrong
from bot.golden_runs import NoRunError, Run
from bot.wording import sentence
from core.feedback import Judged, Verdict
from core.golden import Golden, read
from core.golden_figures import Answered
from core.history import StoredSource
from core.language import words
from core.replies import Finished, Sources, TextDelta
from knowledge_base.models import ChunkId
from tests.support.libraries import open_library
from tests.support.passages import cited
from tests.support.scripted_inbox import ScriptedInbox

GATE = Golden("When does the gate open?", "handbook.md", ("at nine",), kind="fact", golden_id="g")
NONE = Golden("Who painted the gate?", kind="unanswerable", golden_id="n")
SOURCES = Sources((cited(1), cited(2, "other.md", was_cited=False)))
ANSWER = (TextDelta("It opens AT  nine [1]."), SOURCES, Finished("stop"))
RIGHT = Answered("g", "fact", "en", True, 1, 0.9, False, True, True, True, 0.1)


@pytest.fixture
async def library(tmp_path):
    async with open_library(tmp_path / "data") as library:
        yield library


async def test_what_was_right_is_judged_so(library):
    run = await Bench(library, ScriptedInbox(ANSWER), "scripted").run([GATE, NONE], "shared")
    gate, none = run.answered
    assert replace(gate, seconds=0.1) == RIGHT
    assert (none.answerable, none.held, none.cited, none.refused) == (False, None, False, False)


async def test_the_turns_before_it_are_asked_first_and_go_along(library):
    inbox = ScriptedInbox(ANSWER)
    golden = replace(GATE, turns=("Is there a gate?", "Where?"))
    seen = []
    await Bench(library, inbox, "scripted").run(
        [golden], "shared", lambda done, total: seen.append((done, total))
    )
    asked = [(message.text, len(message.context)) for message in inbox.messages]
    assert asked == [("Is there a gate?", 0), ("Where?", 2), ("When does the gate open?", 4)]
    assert {message.bases for message in inbox.messages} == {("shared",)}
    assert seen == [(0, 1)]


async def test_the_scratch_base_holds_samples_and_older_versions_and_is_emptied(library, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "old.md").write_text("The gate opens at eight.")
    async with Bench(library, ScriptedInbox(ANSWER), "scripted").samples((folder,)) as base:
        assert base == SCRATCH
        held = await library.documents((await library.base(SCRATCH)).base_id)
        assert [document.name for document in held] == ["old.md"]
    assert await library.documents((await library.base(SCRATCH)).base_id) == ()


def run_of(*answered: Answered) -> Run:
    return Run("key", "shared", "scripted", "2026-05-04T00:00:00+00:00", answered)


def test_a_run_is_kept_and_read_again(tmp_path):
    assert golden_runs.last(tmp_path, "key") is None
    golden_runs.keep(tmp_path, run_of(RIGHT))
    assert golden_runs.last(tmp_path, "key") == run_of(RIGHT)
    assert [path.name for path in (tmp_path / "golden").iterdir()] == ["key.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"answered": []}', '{"answered": [7]}'])
def test_what_is_no_run_is_refused(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(NoRunError):
        golden_runs.load(path)


async def test_at_night_what_got_worse_is_an_error_that_names_it(library, tmp_path):
    file = tmp_path / "golden.jsonl"
    rows = [
        {"id": str(n), "question": f"When does gate {n} open?", "document": "handbook.md",
         "words": ["nine"]}
        for n in range(20)
    ]  # fmt: skip
    file.write_text("\n".join(map(json.dumps, rows)))
    await library.ensure_base("shared")
    _ = words("en")
    good, bad = Bench(library, ScriptedInbox(ANSWER), "a"), (TextDelta("No."), Finished("stop"))
    told = (await good.nightly(file, "shared", tmp_path))(_)
    assert told == "20 golden questions were asked; nothing got worse."
    with pytest.raises(WorseAnswersError) as caught:
        await Bench(library, ScriptedInbox(bad), "a").nightly(file, "shared", tmp_path)
    said = sentence(caught.value, _)
    assert said.startswith(
        "Golden questions were answered worse than before: right passage first 0.00, before 1.00; "
    )
    assert "比以前差" in sentence(caught.value, words("zh"))
    # What is as bad the next night has not recovered.
    with pytest.raises(WorseAnswersError):
        await Bench(library, ScriptedInbox(bad), "a").nightly(file, "shared", tmp_path)
    assert "nothing got worse" in (await good.nightly(file, "shared", tmp_path))(_)


def test_figures_are_printed_with_what_they_were(capsys):
    worse = run_of(*[replace(RIGHT, held=False)] * 20)
    show(worse, run_of(*[RIGHT] * 20), [GATE] * 20, words("en"), beside="other.toml")
    out = capsys.readouterr().out
    assert "other.toml: scripted, 2026-05-04T00:00:00+00:00." in out
    # A kind in one language alone stands there once.
    assert [line.split()[0] for line in out.splitlines() if " 20 " in line][-2:] == ["en", "fact"]
    (row,) = [line for line in out.splitlines() if line.startswith("answers with the expected")]
    assert row.split()[5:] == ["0.000", "0.000–0.161", "20", "1.000", "▼"]


def test_what_went_wrong_is_told_question_by_question(capsys):
    refused = replace(RIGHT, refused=True, held=False, cited=None)
    made_up = replace(RIGHT, golden_id="n", answerable=False, rank=None, held=None, cited=None)
    show(run_of(refused, made_up), run_of(RIGHT), [GATE, NONE], words("en"))
    rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()[-2:]]
    assert [[cell.strip() for cell in row if cell] for row in rows] == [
        ["g", GATE.question, "refused, although there is an answer", "right"],
        ["n", NONE.question, "answered, although there is no answer"],
    ]
    show(run_of(refused), None, [GATE], words("zh"))
    assert "有答案，却拒答了" in capsys.readouterr().out
    show(run_of(RIGHT), None, [GATE], words("en"))
    assert "went wrong" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"failed": True}, "it failed"),
        ({"rank": None}, "the right passage was not found"),
        ({"held": False}, "none of the expected words"),
        ({"cited": False}, "the right place is not cited"),
        ({"in_language": False}, "in another language than the question"),
        ({}, None),
    ],
)
def test_the_worst_of_an_answer_is_told(other, what):
    assert wrong(replace(RIGHT, **other)) == what


def test_verdicts_become_lines_without_names():
    source = StoredSource(1, ChunkId(1), True, 0.9, "handbook.md")
    up = Judged(Verdict.UP, "When does the gate open?", "At nine.", False, (source,), 0.0)
    there = {"handbook.md"}
    good = line_of(up, 1, there)
    refused = line_of(replace(up, refused=True, sources=()), 2, there)
    down = line_of(replace(up, verdict=Verdict.DOWN), 3, there)
    assert [golden.document for golden in read("\n".join((good, refused, down)))] == [
        "handbook.md", "",
    ]  # fmt: skip
    assert down.startswith("# down: {")
    assert line_of(up, 4, set()).startswith("# gone: {")
    for followed in ("And on Sundays?", "那周日呢？"):
        assert line_of(replace(up, question=followed), 5, there).startswith("# turns: {")


def test_the_shipped_files_lie_beside_the_samples():
    from bot.golden_bench import SHIPPED, VERSIONS

    assert len(read(SHIPPED.read_text(encoding="utf-8"))) == 80
    assert isinstance(VERSIONS, Path)
    assert VERSIONS.is_dir()


def test_a_failed_reply_counts_as_failed():
    from bot.adapters.terminal.replies import Reply
    from core.replies import Failed

    reply = Reply()
    reply.take(Failed("no"))
    assert judged(GATE, reply, "g").failed
