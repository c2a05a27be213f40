"""Files on their way into a base, over an inbox that plays a script."""

from __future__ import annotations

import asyncio

import pytest

from bot.adapters.web import work_view
from bot.adapters.web.jobs import Jobs, uploaded
from bot.adapters.web.visitors import OPERATOR, Visitor
from core.language import words
from core.replies import Finished, Progress, TextDelta
from knowledge_base.models import ENTRY_TYPE, BaseStatistics
from tests.support.scripted_inbox import ScriptedInbox

ADDED = (Progress("walk.md: reading", 1, 2), TextDelta("Added walk.md."), Finished("stop"))


def given(folder, name="walk.md"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("The walk starts at noon.")
    return path


async def over(jobs: Jobs, base: str, count: int = 1) -> None:
    for _ in range(2000):
        if sum(job.is_over for job in jobs.of(base)) >= count:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_a_file_is_added_under_its_name_by_whoever_sent_it(tmp_path):
    inbox = ScriptedInbox(ADDED)
    ann = Visitor("ann", "operator")
    async with Jobs(inbox, tmp_path / "jobs").working() as jobs:
        await jobs.take("town", given(tmp_path / "up"), "sub/walk.md", ann, "en")
        await over(jobs, "town")
        (job,) = jobs.of("town")
    assert (job.state, job.name, job.outcome) == ("done", "walk.md", "Added walk.md.")
    (message,) = inbox.messages
    assert message.bases == ("town",)
    assert message.author.user_id == "ann"
    assert message.command.name == "kb add"
    assert [file.filename for file in message.attachments] == ["walk.md"]


async def test_what_is_not_added_is_shown_as_failed(tmp_path):
    inbox = ScriptedInbox([TextDelta("I cannot read walk.md.", failed=True), Finished("stop")])
    async with Jobs(inbox, tmp_path / "jobs").working() as jobs:
        await jobs.take("town", given(tmp_path / "up"), "walk.md", OPERATOR, "en")
        await over(jobs, "town")
        assert jobs.of("town")[0].state == "failed"
        jobs.dismiss("town")
        assert jobs.of("town") == ()


async def test_what_the_end_of_the_bot_cut_off_is_not_shown_as_done(tmp_path):
    inbox = ScriptedInbox([Progress("walk.md: reading", 1, 2), Finished("cancelled")])
    async with Jobs(inbox, tmp_path / "jobs").working() as jobs:
        await jobs.take("town", given(tmp_path / "up"), "walk.md", OPERATOR, "en")
        await over(jobs, "town")
        assert jobs.of("town")[0].state == "stopped"
        told = work_view.jobs(jobs.of("town"), words("en"))
        assert "1 was stopped." in told.replace("&#46;", ".")
        assert "0 files are done" in told


async def test_an_entry_that_is_kept_whole_is_known_as_one(tmp_path):
    inbox = ScriptedInbox(ADDED)
    async with Jobs(inbox, tmp_path / "jobs").working() as jobs:
        await jobs.take("town", given(tmp_path / "up"), "walk.md", OPERATOR, "en", "entry")
        await over(jobs, "town")
    (message,) = inbox.messages
    assert message.command.name == "kb add"
    assert [file.known_as for file in message.attachments] == [ENTRY_TYPE]


async def test_work_on_a_base_as_a_whole_is_begun_once_at_a_time(tmp_path):
    inbox = ScriptedInbox([Progress("town: embedding", 3, 9)], hold=True)
    async with Jobs(inbox, tmp_path / "jobs").working() as jobs:
        first = jobs.begin("town", "Town", OPERATOR, "en", "kb rebuild")
        again = jobs.begin("town", "Town", OPERATOR, "en", "kb rebuild")
        other = jobs.begin("hall", "Hall", OPERATOR, "en", "kb rebuild")
        assert first.job_id == again.job_id != other.job_id
        for _ in range(2000):
            if jobs.of("town")[0].done:
                break
            await asyncio.sleep(0.01)
        (job,) = jobs.of("town")
        assert (job.state, job.stage, job.done, job.total) == ("working", "embedding", 3, 9)
    assert {message.command.name for message in inbox.messages} == {"kb rebuild"}
    assert all(message.attachments == () for message in inbox.messages)


def test_how_far_a_base_has_come_with_the_vectors_of_another_model_is_shown():
    figures = BaseStatistics("town", 3, 80, 900, "old one", 384, "flat", reembedded=20)
    shown = work_view.vectors(figures, "new <one>", words("en"))
    assert "20 of 80 passages" in shown
    assert 'max="80" value="20"' in shown
    assert "<one>" not in shown


async def test_how_far_a_file_has_come_is_there_for_every_page_that_looks(tmp_path):
    inbox = ScriptedInbox([Progress("walk.md: reading", 3, 7)], hold=True)
    async with Jobs(inbox, tmp_path / "jobs").working() as jobs:
        await jobs.take("town", given(tmp_path / "up"), "walk.md", OPERATOR, "en")
        for _ in range(2000):
            if jobs.of("town")[0].stage:
                break
            await asyncio.sleep(0.01)
        (job,) = jobs.of("town")
        assert (job.state, job.stage, job.done, job.total) == ("working", "reading", 3, 7)
        assert jobs.base_at_work(OPERATOR) == "town"
        assert jobs.base_at_work(Visitor("ann", "operator")) is None
        assert jobs.of("elsewhere") == ()


async def test_what_waits_follows_its_base_to_its_new_name(tmp_path):
    inbox = ScriptedInbox([], hold=True)
    async with Jobs(inbox, tmp_path / "jobs").working() as jobs:
        for n in range(5):
            await jobs.take("old", given(tmp_path / f"{n}"), f"{n}.md", OPERATOR, "en")
        jobs.renamed("old", "new")
        assert len(jobs.of("new")) == 5


async def test_nothing_is_left_on_the_disk(tmp_path):
    folder = tmp_path / "jobs"
    async with Jobs(ScriptedInbox([], hold=True), folder).working() as jobs:
        await jobs.take("town", given(tmp_path / "up"), "walk.md", OPERATOR, "en")
        assert list(folder.iterdir())
    assert not folder.exists()


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.md", "", "a\0b", 7, None])
def test_only_files_that_a_page_has_sent_are_taken(tmp_path, path):
    (tmp_path / "secret.md").write_text("s")
    uploads = tmp_path / "uploads"
    own = given(uploads / "x")
    assert uploaded(uploads, [path, str(own), str(uploads / "x" / ".." / ".." / "secret.md")]) == [
        own
    ]


def test_a_link_out_of_the_uploads_is_not_followed(tmp_path):
    (tmp_path / "secret.md").write_text("s")
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "link.md").symlink_to(tmp_path / "secret.md")
    assert uploaded(uploads, [str(uploads / "link.md")]) == []
