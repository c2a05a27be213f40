"""The library against a plain dictionary: whatever is done, in whatever order, also crashes."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from knowledge_base import index as index_module
from knowledge_base import view_changes, view_loading
from knowledge_base.library import Library
from knowledge_base.models import AddState, Legs, Scope
from knowledge_base.problems import LostIndexFile
from tests.support.libraries import add_text, open_library
from tests.support.plain_reader import PlainReader

NAMES = st.sampled_from(["a.txt", "b.txt", "c.txt", "d.txt"])
CONTENTS = st.tuples(st.integers(0, 9), st.integers(1, 4))
LIBRARIES = st.integers(0, 1)
LEAST_CALM = 8
"""Steps between two restarts: what is in memory has to have time to differ from the disk."""


def content(seed: int, parts: int) -> list[str]:
    # One number tells them apart: near-duplicates that share all numbers are shown once.
    return [f"shared words, text {seed}{parts}{part}" for part in range(parts)]


class LibraryMachine(RuleBasedStateMachine):
    """Two libraries on one data directory, as two processes would have it."""

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.root = Path(tempfile.mkdtemp())
        self.folder = self.root / "data 0"
        self.model: dict[str, tuple[int, int]] = {}
        self.crashes = 0
        self.calm = 0
        self.runner.run(self.open())

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        shutil.rmtree(self.root)

    async def open(self) -> None:
        self.stack = AsyncExitStack()
        self.readers = [PlainReader(), PlainReader()]
        self.libraries: list[Library] = [
            await self.stack.enter_async_context(open_library(self.folder, reader=reader))
            for reader in self.readers
        ]
        self.base = (await self.libraries[0].ensure_base("shared")).base_id

    @rule(which=LIBRARIES, name=NAMES, made=CONTENTS)
    def add(self, which: int, name: str, made: tuple[int, int]) -> None:
        text = "\n\n".join(content(*made))
        added = self.runner.run(add_text(self.libraries[which], self.base, self.root, name, text))
        holder = next((n for n, there in self.model.items() if there == made), None)
        if holder is not None:
            assert (added.state, added.document.name) == (AddState.UNCHANGED, holder)
            # What the name stood for until now is not what it stands for any more.
            outdated = name != holder and self.model.pop(name, None) is not None
            assert (added.gone and added.gone.name) == (name if outdated else None)
            return
        known = name in self.model
        assert added.state is (AddState.REPLACED if known else AddState.ADDED)
        self.model[name] = made

    @precondition(lambda self: self.model)
    @rule(which=LIBRARIES, data=st.data())
    def remove(self, which: int, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        self.runner.run(self.libraries[which].remove(self.base, name))
        del self.model[name]

    @rule(which=LIBRARIES, legs=st.sampled_from(Legs))
    def search(self, which: int, legs: Legs) -> None:
        result = self.runner.run(
            self.libraries[which].search(
                Scope(frozenset({self.base})), "shared words text", limit=1000, legs=legs
            )
        )
        found = sorted((p.document.name, p.chunk.text) for p in result.passages)
        assert found == self.expected()

    @rule(which=LIBRARIES)
    def snapshot(self, which: int) -> None:
        self.runner.run(self.libraries[which].snapshot())

    @precondition(lambda self: self.calm >= LEAST_CALM)
    @rule(how=st.sampled_from(["restart", "crash", "crash while adding"]), name=NAMES)
    def end(self, how: str, name: str) -> None:
        """A crash leaves the directory as a killed process does: what is open stays open, and
        the next one works on a copy."""
        self.calm = 0
        if how == "restart":
            self.runner.run(self.stack.aclose())
            self.runner.run(self.open())
        else:
            self.runner.run(self._crash(name, adding=how != "crash"))

    async def _crash(self, name: str, adding: bool) -> None:
        task = None
        if adding:
            reader = self.readers[0]
            reader.gate.clear()
            begun = len(reader.parsed)
            text = f"never told {self.crashes}"
            task = asyncio.create_task(
                add_text(self.libraries[0], self.base, self.root, name, text)
            )
            await reader.begun(begun + 1)
        self.crashes += 1
        copy = self.root / f"data {self.crashes}"
        await asyncio.to_thread(shutil.copytree, self.folder, copy)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        await self.stack.aclose()
        self.folder = copy
        await self.open()

    @rule(which=LIBRARIES)
    def damage_snapshots(self, which: int) -> None:
        for path in (self.folder / "indexes").glob("*.*"):
            whole = bytearray(path.read_bytes())
            whole[len(whole) // 2] ^= 0xFF
            path.unlink()  # what is in use stays as it is
            path.write_bytes(bytes(whole))

    @rule(which=LIBRARIES)
    def verify(self, which: int) -> None:
        library = self.libraries[which]
        problems = self.runner.run(library.verify(self.base)).problems
        assert [one for one in problems if not isinstance(one, LostIndexFile)] == []
        names = [d.name for d in self.runner.run(library.documents(self.base))]
        assert names == sorted(self.model)

    @invariant()
    def originals_are_kept_once(self) -> None:
        self.calm += 1
        originals = [p for p in (self.folder / "originals").rglob("*") if p.is_file()]
        assert len(originals) == len(self.model)

    def expected(self) -> list[tuple[str, str]]:
        return sorted((name, text) for name, made in self.model.items() for text in content(*made))


@pytest.fixture(autouse=True)
def _small_tails(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that sealing, merging and snapshots happen with a handful of passages."""
    for module in (index_module, view_changes, view_loading):
        monkeypatch.setattr(module, "TAIL", 6)


EXAMPLES = settings(
    max_examples=20,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_the_library_is_a_dictionary_that_survives() -> None:
    run_state_machine_as_test(LibraryMachine, settings=EXAMPLES)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_library_is_a_dictionary_that_survives_for_long() -> None:
    run_state_machine_as_test(
        LibraryMachine,
        settings=settings(EXAMPLES, max_examples=300, stateful_step_count=200),
    )
