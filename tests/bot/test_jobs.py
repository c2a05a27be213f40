"""Which jobs there are, what each does, and the shell's way to them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from bot import steering_jobs
from bot.config import load
from bot.errors import ConfigError, DamagedBasesError
from bot.folders import FollowedFolders
from bot.jobs import FOLDER, Means, jobs, schedules
from bot.settings import BackupSettings, Config, JobSettings
from core.alerts import Alerts
from core.cron import Cron, zone_named
from core.database import Database
from core.job_runs import JobRuns
from core.jobs import JobRows, Outcome
from core.language import language_of, words
from core.scheduler import Scheduler
from tests.support.libraries import open_library
from tests.support.shell import bot

BARE = "[web]\nenabled = false\n[knowledge]\nfolders = {}\n"


class Kept:
    """A data directory with its library, and the jobs over it."""

    def __init__(self, config, library, database):
        self.config, self.library, self.rows = config, library, JobRows(database)
        self.letting_go = []
        self.said = []

    def made(self):
        _ = words("en")
        means = Means(
            self.library,
            FollowedFolders(self.library, self.config.folders, _, settle_seconds=0),
            tuple(self.letting_go),
            Alerts(self._say, _),
            _,
        )
        return {job.name: job for job in jobs(self.config, means)}

    async def run(self, name):
        job = self.made()[name]
        await self.rows.ensure(job.schedule)
        runs = JobRuns(self.rows, self.config.data_dir / FOLDER, words("en"))
        return await runs.run(job)

    async def _say(self, text):
        self.said.append(text)
        return True


@pytest.fixture
async def kept(tmp_path):
    (tmp_path / "docs").mkdir()
    config = Config(data_dir=tmp_path / "data", folders={"team": tmp_path / "docs"})
    async with (
        open_library(config.data_dir) as library,
        Database.open(config.data_dir / "lorekeeper.db") as database,
    ):
        yield Kept(config, library, database)


def test_each_default_is_a_schedule():
    made = schedules(Config(backup=BackupSettings(folder="/b")))
    assert [one.name for one in made if not one.cron] == ["golden"]
    for schedule in (one for one in made if one.cron):
        assert Cron.parse(schedule.cron, zone_named(schedule.time_zone)) is not None


def test_backups_come_round_only_where_they_have_a_folder():
    def cron(config):
        return {one.name: one.cron for one in schedules(config)}["backup"]

    assert cron(Config()) == ""
    assert cron(Config(backup=BackupSettings(folder="/b"))) == "0 2 * * *"


def test_what_is_written_wrongly_is_told_with_its_line(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('[jobs]\ntime_zone = "Mars/Olympus"\nintegrity = "0 4 * * 8"\nbackup = ""\n')
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    first, second = sorted(map(str, caught.value.problems))
    assert first.startswith("config.toml: line 2: jobs.time_zone: must be a time zone such as")
    assert second.startswith('config.toml: line 3: jobs.integrity: "8" is no weekday')
    file.write_text('[jobs]\ntime_zone = "Asia/Shanghai"\nintegrity = "0 4 * * sun"\ndigest = ""\n')
    made = {one.name: one for one in schedules(load(file, {}))}
    assert (made["digest"].cron, made["integrity"].time_zone) == ("", "Asia/Shanghai")


def test_retention_runs_at_every_start_unless_it_is_off():
    made = {one.name: one.at_start for one in schedules(Config())}
    assert [name for name, at_start in made.items() if at_start] == ["retention"]
    assert not any(one.at_start for one in schedules(Config(jobs=JobSettings(retention=""))))


async def test_a_folder_is_looked_through_and_its_base_checked(kept):
    (kept.config.folders["team"] / "a.txt").write_text("The gate opens at nine.")
    state = await kept.run("folders")
    assert (state.outcome, state.detail) == (Outcome.DONE, "All folders were looked through.")
    base = await kept.library.base("team")
    assert [one.name for one in await kept.library.documents(base.base_id)] == ["a.txt"]
    state = await kept.run("integrity")
    assert state.detail == "1 base was checked; nothing is wrong."
    state = await kept.run("snapshots")
    assert state.outcome is Outcome.DONE
    # Whoever asks later is told in their own language.
    for name in ("folders", "integrity", "snapshots", "retention"):
        state = await kept.run(name)
        told = [state.told(words(language)) for language in ("en", "zh")]
        assert [language_of(sentence) for sentence in told] == ["en", "zh"], name


async def test_damage_is_a_failure_that_names_the_base(kept, caplog):
    (kept.config.folders["team"] / "a.txt").write_text("The gate opens at nine.")
    await kept.run("folders")
    (original,) = (p for p in (kept.config.data_dir / "originals").glob("??/*") if p.is_file())
    original.unlink()
    state = await kept.run("integrity")
    assert state.outcome is Outcome.FAILED
    assert state.detail.startswith("Something is wrong in `team`")
    assert language_of(state.told(words("zh"))) == "zh"
    assert "team" in state.told(words("zh"))
    assert any(r.getMessage().startswith("team: ") for r in caplog.records)
    assert isinstance(caplog.records[-1].exc_info[1], DamagedBasesError)


async def test_that_one_step_fails_keeps_none_of_the_others(kept):
    done = []

    def step(name, result):
        async def work():
            done.append(name)
            if isinstance(result, Exception):
                raise result
            return result

        return work

    kept.letting_go = [step("a", 3), step("b", RuntimeError()), step("c", 4), step("d", None)]
    state = await kept.run("retention")
    assert (done, state.outcome, state.detail) == (
        ["a", "b", "c", "d"],
        Outcome.FAILED,
        "RuntimeError",
    )
    kept.letting_go = [step("a", 3), step("c", 4), step("d", None)]
    assert (await kept.run("retention")).detail == "7 things were let go of."


async def test_a_backup_is_made_into_the_folder(kept, tmp_path):
    kept.config = replace(kept.config, backup=BackupSettings(folder=tmp_path / "backups"))
    state = await kept.run("backup")
    assert state.outcome is Outcome.DONE, state
    assert str(tmp_path / "backups") in state.detail


def test_the_shell_lists_runs_pauses_and_resumes(tmp_path):
    (tmp_path / "config.toml").write_text(BARE)
    listed = bot(tmp_path, "jobs", "list")
    assert listed.code == 0, listed.err
    assert "integrity" in listed.out
    done = bot(tmp_path, "jobs", "run", "integrity", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["outcome"], told["runs"]) == ("done", 1)
    assert bot(tmp_path, "jobs", "pause", "integrity").code == 0
    rows = [json.loads(line) for line in bot(tmp_path, "jobs", "list", "--json").out.splitlines()]
    paused = {row["name"]: (row["paused"], row["due_at"]) for row in rows}
    assert paused["integrity"] == (True, None)
    assert paused["retention"][0] is False
    assert bot(tmp_path, "jobs", "resume", "integrity").code == 0
    unknown = bot(tmp_path, "jobs", "run", "backups")
    assert (unknown.code, "There is no job backups." in unknown.err) == (2, True)
    digest = bot(tmp_path, "jobs", "run", "digest")
    assert (digest.code, "only where the bot does" in digest.err) == (1, True)


async def test_the_shell_asks_the_bot_that_keeps_the_schedule(kept, tmp_path):
    (tmp_path / "config.toml").write_text(f"{BARE}[jobs]\ngrace_hours = 1.0\n")
    ran_here = asyncio.Event()

    async def step():
        ran_here.set()
        return 5

    kept.letting_go = [step]
    kept.config = replace(kept.config, jobs=JobSettings(retention=""))
    runs = JobRuns(kept.rows, kept.config.data_dir / FOLDER, words("en"))
    made = [job for job in kept.made().values() if job.name == "retention"]
    async with Scheduler(made, runs, kept.rows).running():
        assert not ran_here.is_set()
        done = await asyncio.to_thread(bot, tmp_path, "jobs", "run", "retention", "--json")
        assert done.code == 0, done.err
        assert ran_here.is_set()
        assert json.loads(done.out)["detail"] == "5 things were let go of."
        # What the bot does not have cannot be asked of it.
        other = await asyncio.to_thread(bot, tmp_path, "jobs", "run", "snapshots")
        assert (other.code, "configuration is another one" in other.err) == (1, True)


async def test_the_shell_waits_for_no_bot_that_has_ended(kept):
    """It took the wish, or began the run, and was killed."""
    await kept.rows.ensure(schedules(kept.config)[0])
    runs = JobRuns(kept.rows, kept.config.data_dir / FOLDER, words("en"))
    told = await steering_jobs._run_there(kept.rows, runs, "snapshots")
    assert told == "The bot ended before the job {job} did."
    assert await kept.rows.asked() == ()
    await kept.rows.begin("snapshots", None)
    assert await steering_jobs._run_there(kept.rows, runs, "snapshots") == told
