"""What the console's pages work with, while they are served."""

from __future__ import annotations

from bot.console_desk import knowledge_desk, trial_of
from bot.folders import FollowedFolders
from bot.settings import Config
from core.language import words
from tests.support.commanding import open_hall
from tests.support.scripted_inbox import ScriptedInbox


async def test_what_an_earlier_run_left_among_the_uploads_is_gone(tmp_path):
    uploads = tmp_path / "uploads"
    (uploads / "exported").mkdir(parents=True)
    (uploads / "exported" / "base.zip").write_bytes(b"zip")
    (uploads / "sent.md").write_text("text")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept.md").write_text("text")
    (uploads / "link").symlink_to(elsewhere)
    config = Config(data_dir=tmp_path)
    async with open_hall(tmp_path) as hall:
        folders = FollowedFolders(hall.library, {}, words("en"))
        async with knowledge_desk(config, ScriptedInbox([]), hall.resources, folders) as desk:
            assert list(uploads.iterdir()) == []
            assert trial_of(config, desk).passages == config.chat.passages
    assert (elsewhere / "kept.md").exists()
