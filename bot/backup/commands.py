"""`backup` and `restore` at the shell, and the backup that comes round by itself."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Final

from bot import output
from bot.backup.manifest import Manifest, read
from bot.backup.repository import Kept, Repository
from bot.backup.restoring import Restored, restore
from bot.backup.stopping import Watch, stoppable
from bot.backup.taking import Report, back_up
from bot.errors import BackupError, DamagedBackupError
from bot.progress import BytesBar
from bot.settings import Config
from bot.wording import own_words, sentence
from core.alerts import Alerts, Subject, Trouble
from core.counts import documents_of
from core.language import Words
from knowledge_base.errors import KnowledgeError

FOLDER: Final = "backups"
"""Below the data directory, unless `backup.folder` says otherwise."""


def folder_of(config: Config) -> Path:
    """Where backups are kept."""
    return config.backup.folder or config.data_dir / FOLDER


async def scheduled(config: Config, alerts: Alerts) -> Report:
    """A backup as configured; the owners are told of one that failed. Raises what `back_up` does,
    once they are."""
    _, subject = own_words(config), Subject(Trouble.BACKUP)
    try:
        report = await back_up(config.data_dir, folder_of(config), keep=config.backup.keep)
    except (BackupError, KnowledgeError) as error:
        alerts.observe(subject, well=False, detail=sentence(error, _).rstrip(".。"))
        raise
    detail = _lost(report, _).rstrip(".。") if report.missing else ""
    alerts.observe(subject, well=not report.missing, detail=detail)
    return report


async def make(config: Config, to: Path | None, keep: int | None, as_json: bool) -> int:
    """Make one now; 1 where originals are missing that it should hold."""
    _, folder = own_words(config), to or folder_of(config)
    with BytesBar(str(folder), quiet=as_json) as bar:
        report = await back_up(
            config.data_dir, folder, keep=keep or config.backup.keep, watch=_shown(bar)
        )
    if as_json:
        output.emit(
            {
                "backup": str(report.path),
                "documents": report.documents,
                "bytes": report.size,
                "new_bytes": report.new,
                "seconds": round(report.seconds, 3),
                "missing": list(report.missing),
                "removed": list(report.removed),
            }
        )
    else:
        output.say(
            _(
                "Backup {path}: {documents}, {size}, of which {new} are new.",
                path=report.path,
                documents=documents_of(report.documents, _),
                size=_size(report.size),
                new=_size(report.new),
            )
        )
        for name in report.removed:
            output.say(_("The backup {name} went for it.", name=name))
    if report.missing:
        output.tell(_lost(report, _))
    return 1 if report.missing else 0


async def show(config: Config, folder: Path | None, as_json: bool) -> int:
    """Print the backups, oldest first."""
    _, folder = own_words(config), folder or folder_of(config)
    kept = await asyncio.to_thread(Repository(folder).kept)
    for one in kept if as_json else ():
        output.emit(_told(one))
    if as_json:
        return 0
    if not kept:
        output.say(_("There are no backups in {folder} yet.", folder=folder))
        return 0
    titles = (_("name"), _("made"), _("documents"), _("size"), _("version"))
    output.table([_row(one, _) for one in kept], titles)
    return 0


async def verify(config: Config, path: Path | None, as_json: bool) -> int:
    """Read every file of all backups in a folder, or of one; 1 where one is damaged."""
    _ = own_words(config)
    given = path or folder_of(config)
    repository, one = await asyncio.to_thread(Repository.at, given)
    all_of_them = await asyncio.to_thread(given.samefile, repository.folder)
    names = await asyncio.to_thread(repository.names) if all_of_them else (one.name,)
    failed = False
    for name in names:
        with BytesBar(name, quiet=as_json) as bar:
            damaged = await _damaged(repository, repository.folder / name, _shown(bar))
        failed = failed or bool(damaged)
        if as_json:
            output.emit({"backup": name, "damaged": list(damaged)})
        elif damaged:
            for file in damaged:
                output.tell(_("{name}: {file} is missing or damaged.", name=name, file=file))
        else:
            output.say(_("{name}: whole.", name=name))
    return 1 if failed else 0


async def bring_back(
    config: Config, path: Path, into: Path | None, *, agreed: bool, as_json: bool
) -> int:
    """Restore into the data directory of the configuration, or into another."""
    with BytesBar(str(path), quiet=as_json) as bar:
        restored = await restore(path, into or config.data_dir, agreed=agreed, watch=_shown(bar))
    if not as_json:
        _tell_restored(restored, own_words(config))
        return 0
    output.emit(
        {
            "into": str(restored.into),
            "made_at": restored.manifest.began_at.isoformat(),
            "documents": restored.manifest.documents,
            "aside": None if restored.aside is None else str(restored.aside),
            "to_forget": restored.wishes,
            "missing": list(restored.manifest.missing),
        }
    )
    return 0


def _tell_restored(restored: Restored, _: Words) -> None:
    output.say(
        _(
            "Restored into {into}: the backup of {made}, {documents}.",
            into=restored.into,
            made=_moment(restored.manifest.began_at),
            documents=documents_of(restored.manifest.documents, _),
        )
    )
    if restored.aside is not None:
        output.say(
            _(
                "What was there lies in {aside} now. Delete it when you need it no more: nobody is "
                "forgotten in there.",
                aside=restored.aside,
            )
        )
    if restored.wishes:
        output.say(
            _.plural(
                "{count} person asked to be forgotten since, and is at the next start.",
                "{count} people asked to be forgotten since, and are at the next start.",
                restored.wishes,
            )
        )
    if restored.manifest.missing:
        output.tell(
            _(
                "The originals of these were missing already when it was made: {names}",
                names=", ".join(restored.manifest.missing),
            )
        )


async def _damaged(repository: Repository, backup: Path, watch: Watch) -> tuple[str, ...]:
    try:
        manifest = await asyncio.to_thread(read, backup)
    except DamagedBackupError as error:
        return (f"{backup.name}/{error.file}",)
    done = 0

    def look(watch: Watch) -> tuple[str, ...]:
        def told(size: int) -> None:
            nonlocal done
            done += size
            watch(done, manifest.size)

        return tuple(repository.damaged(backup, manifest, told))

    return await stoppable(look, watch)


def _shown(bar: BytesBar) -> Watch:
    def show(done: int, total: int) -> None:
        bar.total(total)
        bar.show(done)

    return show


def _lost(report: Report, _: Words) -> str:
    return _(
        "The originals of these documents are missing or damaged, and not in the backup: {names}. "
        "Add them again.",
        names=", ".join(report.missing),
    )


def _told(one: Kept) -> dict[str, object]:
    manifest = one.manifest
    if manifest is None:
        return {"backup": one.name, "damaged": True}
    return {
        "backup": one.name,
        "damaged": False,
        "made_at": manifest.made_at.isoformat(),
        "documents": manifest.documents,
        "bytes": manifest.size,
        "version": manifest.program,
        "missing": list(manifest.missing),
    }


def _row(one: Kept, _: Words) -> tuple[str, str, str, str, str]:
    manifest: Manifest | None = one.manifest
    if manifest is None:
        return (one.name, _("damaged"), "", "", "")
    return (
        one.name,
        _moment(manifest.made_at),
        str(manifest.documents),
        _size(manifest.size),
        manifest.program,
    )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _size(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"
