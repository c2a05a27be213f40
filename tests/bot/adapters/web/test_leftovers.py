"""What lies in the folder of uploads goes when nobody has come for it."""

from __future__ import annotations

import asyncio
import os

from bot.adapters.web import leftovers
from bot.adapters.web.leftovers import KEPT_MINUTES, clear, cleared

NOW = 1_800_000_000.0


def laid(path, minutes: float) -> None:
    """A file that was written so long ago, and the folder that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x", encoding="utf-8")
    at = NOW - minutes * 60
    os.utime(path, (at, at))
    os.utime(path.parent, (at, at))


def test_what_was_exported_is_there_for_minutes_and_then_gone(tmp_path):
    laid(tmp_path / "export-old" / "base.zip", KEPT_MINUTES + 1)
    laid(tmp_path / "export-new" / "base.zip", KEPT_MINUTES - 1)
    laid(tmp_path / "jobs" / "waiting" / "walk.md", KEPT_MINUTES * 100)
    os.utime(tmp_path / "jobs", (0, 0))
    clear(tmp_path, NOW, {"jobs"})
    assert sorted(own.name for own in tmp_path.iterdir()) == ["export-new", "jobs"]
    assert (tmp_path / "jobs" / "waiting" / "walk.md").exists()


def test_what_is_still_being_written_stays_however_old_its_folder_is(tmp_path):
    laid(tmp_path / "sent" / "large.pdf", 0)
    os.utime(tmp_path / "sent", (0, 0))
    clear(tmp_path, NOW)
    assert (tmp_path / "sent" / "large.pdf").exists()


def test_a_link_is_taken_out_and_what_it_names_stays(tmp_path):
    outside = tmp_path / "outside"
    laid(outside / "mine.md", 0)
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "link").symlink_to(outside, target_is_directory=True)
    os.utime(uploads / "link", (0, 0), follow_symlinks=False)
    clear(uploads, NOW)
    assert not (uploads / "link").is_symlink()
    assert (outside / "mine.md").exists()


async def test_it_is_looked_after_for_as_long_as_the_console_is_served(tmp_path):
    laid(tmp_path / "export-old" / "base.zip", 0)
    os.utime(tmp_path / "export-old" / "base.zip", (0, 0))
    os.utime(tmp_path / "export-old", (0, 0))
    async with cleared(tmp_path, look_seconds=0.01):
        for _ in range(2000):
            if not (tmp_path / "export-old").exists():
                break
            await asyncio.sleep(0.01)
    assert not (tmp_path / "export-old").exists()


async def test_a_look_that_fails_is_not_the_last_one(tmp_path, monkeypatch):
    looks = []
    again = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fails(*_asked):
        looks.append(1)
        if len(looks) > 1:
            loop.call_soon_threadsafe(again.set)
        raise FileNotFoundError("taken meanwhile")

    monkeypatch.setattr(leftovers, "clear", fails)
    async with cleared(tmp_path, look_seconds=0.01), asyncio.timeout(60):
        await again.wait()
