"""The program at a terminal, as a person meets it: typed at, interrupted, resized, piped."""

from __future__ import annotations

import asyncio
import json
import re
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.pty_program import AtTerminal, at_terminal
from tests.support.scripted_server import Scripted, ScriptedServer, delta, event, scripted_server
from tests.support.shell import bot, environment

QUESTION = "How much is the fee?"
ASK = "Ask about the documents."
STYLE = re.compile(r"\x1b\[([0-9;]*)m")


@pytest.fixture(scope="module")
def learnt(tmp_path_factory) -> Path:
    """A data directory that knows two documents."""
    folder = tmp_path_factory.mktemp("learnt")
    (folder / "fees.md").write_text("# Fees\n\nThe fee for the island is seven euros.\n")
    (folder / "手册.md").write_text("# 手册\n\n白毫银针用八十五度的水冲泡。\n")
    (folder / "config.toml").write_text("[knowledge]\nfolders = {}\n")
    done = bot(folder, "kb", "add", "fees.md", "手册.md")
    assert done.code == 0, done
    return folder


@pytest.fixture
async def model() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as server:
        yield server


@pytest.fixture
def place(learnt: Path, model: ScriptedServer) -> Path:
    (learnt / "config.toml").write_text(
        "[knowledge]\nfolders = {}\nrelevance_threshold = 0.0\n"
        f'[engine]\nkind = "openai"\nmodel = "m"\nbase_url = "{model.address}"\n'
        "context_window = 4096\nhealth_seconds = 3600\n"
    )
    (learnt / "data" / "terminal_history").unlink(missing_ok=True)
    return learnt


def says(model: ScriptedServer, *pieces: str, hold: dict[int, asyncio.Event] | None = None) -> None:
    sent = [*map(delta, pieces), delta(finish="stop"), event("[DONE]")]
    model.script("/v1/chat/completions", Scripted(sent, hold=hold or {}))


async def test_an_answer_grows_with_its_sources_and_what_was_typed_is_remembered(place, model):
    more = asyncio.Event()
    says(model, "The fee is **seven** ", "euros. [1]", hold={1: more})
    async with at_terminal(place, "chat") as program:
        await program.read(ASK)
        await program.asked()
        program.type(f"{QUESTION}\r")
        await program.read("The fee is")
        more.set()
        await program.read("euros. [1]")
        await program.read("[1] fees.md")
        assert "\x1b[1mseven" in program.raw
        await program.asked()
        program.type("/sources 1\r")
        await program.read("The fee for the island is seven euros.")
        await program.asked()
        program.type("/kb sho")
        await program.read("what is known of one document")
        program.type("\t fe")
        await program.read("fees.md")
        program.type("\t\r\r")
        await program.read("fees.md")
        await program.asked()
        program.type("\x04")
        assert await program.ended() == 0
    history = place / "data" / "terminal_history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert QUESTION in history.read_text()
    async with at_terminal(place, "chat") as program:
        await program.asked()
        program.type("\x1b[A\x1b[A")
        await program.read("/sources 1")
        program.type("\x1b[A")
        await program.read("is the fee?")


async def test_ctrl_c_stops_the_answer_and_not_the_program(place, model):
    never = asyncio.Event()
    says(model, "The fee of this island ", "is seven.", hold={1: never})
    async with at_terminal(place, "chat") as program:
        await program.asked()
        program.type(f"{QUESTION}\r")
        await program.read("The fee")
        program.type("\x03")
        await program.read("[stopped]")
        async with asyncio.timeout(30):
            await model.asked_for("/v1/chat/completions")[0].gone.wait()
        await program.asked()
        says(model, "Seven euros. [1]")
        program.type(f"{QUESTION}\r")
        await program.read("Seven euros. [1]")
        await program.asked()
        program.type("half a question\x03")
        await program.asked()
        program.type("\x03")
        await program.read("Ctrl-C once more leaves.")
        await program.asked()
        program.type("\x03")
        assert await program.ended() == 0
    assert len(model.asked_for("/v1/chat/completions")) == 2


async def test_several_lines_are_one_question(place, model):
    says(model, "Seven. [1]")
    async with at_terminal(place, "chat") as program:
        await program.asked()
        program.type("How much\x1b\ris the\\\rfee?\r")
        await program.read("Seven. [1]")
    messages = model.asked_for("/v1/chat/completions")[0].body["messages"]
    assert "How much\nis the\nfee?" in json.dumps(messages, ensure_ascii=False).replace("\\n", "\n")


async def test_lines_that_are_pasted_are_one_question(place, model):
    says(model, "八十五度。 [1]")
    async with at_terminal(place, "chat", columns=30) as program:
        await program.asked()
        program.type("\x1b[200~白毫银针用多少度的水冲泡？\n手册里怎么说的？\n/quit\x1b[201~")
        await program.read("/quit")
        program.type("\r")
        await program.read("八十五度。 [1]")
        await program.asked()
        program.type("\x04")
        assert await program.ended() == 0
    messages = model.asked_for("/v1/chat/completions")[0].body["messages"]
    asked = json.dumps(messages, ensure_ascii=False).replace("\\n", "\n")
    assert "白毫银针用多少度的水冲泡？\n手册里怎么说的？\n/quit" in asked


async def test_what_would_be_pressed_is_typed_by_its_number(place, model):
    async with at_terminal(place, "chat") as program:
        await program.asked()
        await said(program, "/kb remove fees.md", "Remove fees.md", "/1 Remove · /2 Cancel")
        await said(program, "/2", "Nothing was changed.")
        await said(program, "/1", "Nothing has that number here now.")
        await said(program, "/kb remove fees.md", "/1 Remove · /2 Cancel")
        await said(program, "/1", "Removed fees.md")
        await said(program, "/kb undo", "fees.md")
        await said(program, "/quit", prompts=0)
        assert await program.ended() == 0


async def said(program: AtTerminal, keys: str, *wanted: str, prompts: int = 1) -> None:
    """Type it at the prompt; until this was printed, and it asks that many times."""
    program.type(f"{keys}\r")
    for text in wanted:
        await program.read(text)
    for _ in range(prompts):
        await program.asked()


async def test_an_answer_is_corrected_and_made_anew(place, model):
    says(model, "The fee for the island is seven euros. [1]")
    async with at_terminal(place, "chat") as program:
        await program.asked()
        await said(program, QUESTION, "[1] fees.md")
        await said(program, "/correct", "(Ctrl-C gives it up)", f"Question: {QUESTION}")
        program.type("\x03")
        await program.read("Nothing was changed.")
        await program.asked()
        await said(program, "/correct", f"Question: {QUESTION}")
        await said(program, "", "Answer: The fee for the island is seven euros.")
        await said(program, "\x15The fee of today is eight euros.", "Noted: whoever", "/1 Answer")
        await said(
            program, "/1", "The fee of today is eight euros.", "[1] How much is the fee.note"
        )
        await said(program, "/kb remove How much is the fee.note", "/1 Remove")
        await said(program, "/1", "Removed")
    assert len(model.asked_for("/v1/chat/completions")) == 1


async def test_an_answer_is_deleted_with_what_is_remembered_of_it(place, model):
    says(model, "The fee for the island is seven euros, on weekdays too. [1]")
    async with at_terminal(place, "chat") as program:
        await program.asked()
        await said(program, QUESTION, "[1] fees.md")
        await said(program, "/up", "Noted: 👍.")
        await said(program, "/delete", "/1 Yes, delete it")
        await said(program, "/1", "Deleted.")
        await said(program, "/up", "There is no answer here yet.")
        await said(program, QUESTION, "[1] fees.md")
        await said(program, "/quit", prompts=0)
        assert await program.ended() == 0
    messages = model.asked_for("/v1/chat/completions")[-1].body["messages"]
    # What was asked in the same folder before is remembered; this answer is not.
    assert not any("on weekdays too" in str(message["content"]) for message in messages)


async def test_without_colours_there_are_none_and_nothing_else_changes(place, model):
    says(model, "The **fee** for the `island` is seven euros. [1]")
    async with at_terminal(place, "chat", NO_COLOR="1") as program:
        await program.asked()
        program.type(f"{QUESTION}\r")
        await program.read("island is seven euros. [1]")
        await program.asked()
        program.type("/kb s")
        await program.read("/kb search")
        program.type("\x03")
        await program.asked()
        program.type("\x04")
        assert await program.ended() == 0
    styles = {code for found in STYLE.findall(program.raw) for code in found.split(";")}
    assert styles.isdisjoint({str(n) for n in (*range(30, 50), *range(90, 108))})


@pytest.mark.parametrize("columns", [12, 20, 33])
async def test_wide_letters_fit_into_a_narrow_window(place, model, columns):
    text = "白毫银针用八十五度的水冲泡。"
    says(model, f"{text} [1]")
    async with at_terminal(place, "chat", columns=columns, rows=10) as program:
        await program.asked()
        program.type("白毫银针用多少度的水冲泡呢？\r")
        await program.read("[1]")
        await program.asked()
        program.type("\x04")
        assert await program.ended() == 0
    # Lines that grow are written again: what stood last is read, not all that ever stood there.
    shown = program.text.replace("\n", "").replace(" ", "")
    assert text in shown
    assert "[1]" in shown[shown.rindex(text) :]


async def test_a_long_answer_survives_a_change_of_size(place, model):
    lines = [f"第{n}行 of a long answer." for n in range(40)]
    more = asyncio.Event()
    half = "\n".join(lines[:20]) + "\n"
    says(model, half, "\n".join(lines[20:]), hold={1: more})
    async with at_terminal(place, "chat", columns=60, rows=12) as program:
        await program.asked()
        program.type(f"{QUESTION}\r")
        await program.read("第17行 of a long answer.")
        program.resize(34, 9)
        more.set()
        await program.read("第39行 of a long answer.")
        await program.asked()
        program.type("\x04")
        assert await program.ended() == 0
        assert all(line in program.text for line in lines)


async def test_a_dumb_terminal_gets_no_sequences(place, model):
    says(model, "The fee is **seven**. [1]")
    async with at_terminal(place, "chat", TERM="dumb") as program:
        await program.read(">")
        program.type(f"{QUESTION}\r")
        await program.read("The fee is **seven**. [1]")
        await program.read("[1] fees.md")
        await program.read(">")
        program.type("/quit\r")
        assert await program.ended() == 0
    assert "\x1b[" not in program.raw


async def test_what_is_piped_is_plain_text(place, model):
    says(model, "The fee is **seven**. [1]")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bot", "chat"],
        input=f"{QUESTION}\n".encode(),
        capture_output=True,
        cwd=place,
        env=environment(place),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith("The fee is **seven**. [1]\n  [1] fees.md")


async def test_one_question_from_the_input_is_answered_as_an_object(place, model):
    says(model, "The fee is seven. [1]")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bot", "chat", "--once", "-", "--json"],
        input=f"{QUESTION}\n".encode(),
        capture_output=True,
        cwd=place,
        env=environment(place),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    answer = json.loads(done.stdout)
    assert answer["text"] == "The fee is seven. [1]"
    assert (answer["reason"], answer["refused"], answer["error"]) == ("answered", False, None)
    assert answer["sources"][0]["document"] == "fees.md"
    assert 0 < answer["timing"]["first_text_seconds"] <= answer["timing"]["seconds"]


async def test_a_mistake_is_an_object_too_and_fails(place, model):
    (place / "config.toml").write_text('[engine]\nkind = "llama_cpp"\nmodel = "none.gguf"\n')
    done = await asyncio.to_thread(bot, place, "chat", "--once", QUESTION, "--json")
    assert (done.code, done.out) == (1, "")
    assert "none.gguf" in done.err


def test_nothing_to_ask_is_wrong_usage(tmp_path):
    done = bot(tmp_path, "chat", "--once", " ")
    assert (done.code, done.out, done.err) == (2, "", "There is no question.\n")
