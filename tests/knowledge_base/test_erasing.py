"""What is erased is in no file of the library any more, whoever else had it in memory."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from knowledge_base.erasing import Doomed
from knowledge_base.models import Upload
from knowledge_base.notes import MEDIA_TYPE, Note, note_bytes
from tests.support.libraries import find, open_library, texts

MARK = "zaubernuss"
ADA = "discord:ada"


async def give(library, folder, base, name, text, uploader=ADA):
    path = folder / "given"
    path.write_text(text, encoding="utf-8")
    return await library.add(base, Upload(name, path, "Ada", uploader))


async def note(library, folder, base, name, answer):
    path = folder / "given"
    now = datetime(2026, 5, 4, tzinfo=UTC)
    path.write_bytes(note_bytes(Note("When?", answer, "Ada", ADA, now)))
    return await library.add(base, Upload(name, path, "Ada", ADA, MEDIA_TYPE))


def holding(folder, mark):
    """Files in which the mark stands, as bytes or as UTF-16, or which are named after it."""
    found = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        kinds = (mark.encode(), mark.encode("utf-16-le"), mark.encode("utf-16-be"))
        if mark in path.name or any(kind in content for kind in kinds):
            found.append(path.name)
    return found


@pytest.fixture
def library_folder(tmp_path):
    folder = tmp_path / "library"
    folder.mkdir()
    return folder


async def test_what_somebody_added_is_in_no_file_any_more(library_folder, tmp_path):
    async with open_library(library_folder) as library:
        town = (await library.ensure_base("discord:1")).base_id
        own = (await library.ensure_base("discord:@ada")).base_id
        for number in range(40):
            text = f"{MARK} number {number} grows by the gate."
            await give(library, tmp_path, town, f"{MARK} {number}.md", text)
            await give(library, tmp_path, town, f"rose {number}.md", f"Rose {number}.", "discord:b")
        await give(library, tmp_path, own, f"{MARK} mine.md", f"My {MARK}.")
        await library.remove(town, f"{MARK} 3.md")
        await library.snapshot()
        assert holding(library_folder, MARK)
        doomed = Doomed(ADA, uploads=True, bases=frozenset({own}))
        expected = await library.doomed(doomed)
        erased = await library.erase(doomed)
        assert erased == expected
        assert await library.scrub()
        assert len(erased) == 41
        assert holding(library_folder, MARK) == []
        assert holding(library_folder, "@ada") == []
        assert [d.name for d in await library.documents(town)] == sorted(
            f"rose {number}.md" for number in range(40)
        )
        found = await find(library, town, f"{MARK} number 3")
        assert MARK not in " ".join(texts(found))
        assert (await library.verify(town)).problems == ()
        assert [base.name for base in await library.bases()] == ["discord:1"]
        assert (await library.ensure_base("discord:@ada")).base_id != own
        assert await library.erase(Doomed(ADA, uploads=True)) == ()
    assert holding(library_folder, MARK) == []


async def test_uploads_that_stay_are_nobody_s_and_notes_go_with_their_author(
    library_folder, tmp_path
):
    async with open_library(library_folder) as library:
        town = (await library.ensure_base("discord:1")).base_id
        await give(library, tmp_path, town, "kept.md", "Gates open at nine.")
        await note(library, tmp_path, town, "gone.note", f"{MARK} says so.")
        await give(library, tmp_path, town, "out.md", f"{MARK} was out.")
        await give(library, tmp_path, town, "said.md", f"{MARK} said it.", "discord:b")
        await library.remove(town, "out.md")
        said = frozenset({(town, "said.md")})
        await library.erase(Doomed(ADA, uploads=False, documents=said))
        await library.scrub()
        assert [(d.name, d.uploader, d.uploader_id) for d in await library.documents(town)] == [
            ("kept.md", None, None)
        ]
        assert await library.added_by(ADA) == ()
    for mark in (MARK, ADA, "gone.note", "out.md", "said.md"):
        assert holding(library_folder, mark) == []


async def test_another_process_does_not_write_what_was_erased_back(library_folder, tmp_path):
    async with open_library(library_folder) as library, open_library(library_folder) as other:
        town = (await library.ensure_base("discord:1")).base_id
        await give(library, tmp_path, town, "a.md", f"{MARK} by the gate.")
        await give(library, tmp_path, town, "b.md", "Roses by the wall.", "discord:b")
        assert len(texts(await find(other, town, "gate"))) == 2
        await library.erase(Doomed(ADA, uploads=True))
        await other.snapshot()
        assert texts(await find(other, town, "gate")) == ["Roses by the wall."]
        await other.snapshot()
        await library.scrub()
        assert (await other.verify(town)).problems == ()
        assert (await library.verify(town)).problems == ()
    async with open_library(library_folder) as library:
        assert texts(await find(library, town, "gate")) == ["Roses by the wall."]


async def test_a_large_file_is_left_for_later_and_its_log_emptied_at_once(
    library_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr("knowledge_base.erasing.SMALL", 1)
    async with open_library(library_folder) as library:
        town = (await library.ensure_base("discord:1")).base_id
        await give(library, tmp_path, town, "a.md", f"{MARK} by the gate.")
        await library.erase(Doomed(ADA, uploads=True))
        assert not await library.scrub()
        assert (library_folder / "knowledge.db-wal").stat().st_size == 0
        assert await library.scrub(thoroughly=True)
        assert holding(library_folder, MARK) == []
