"""The operator's own language, and errors in it."""

from __future__ import annotations

from bot.errors import (
    AlreadyRunningError,
    BackupBusyError,
    BackupError,
    BackupFolderError,
    DamagedBackupError,
    DamagedBasesError,
    DirectoryInUseError,
    DirectoryNotEmptyError,
    FileNotFetchedError,
    HostedDownloadLimitError,
    JobError,
    NoBackupError,
    NothingToBackUpError,
    PortTakenError,
    SurfaceError,
    WorseAnswersError,
)
from bot.own_language import words_in
from bot.settings import Config
from core.explain import explain
from core.golden_figures import called
from core.inert import inert
from core.language import N_, Words


def own_words(config: Config) -> Words:
    """Sentences in the language of the configuration, else of the shell."""
    return words_in(config.chat.language)


def sentence(error: Exception, say: Words) -> str:
    """An expected error in one sentence."""
    return explain(error, say) or say("Something went wrong.")


@explain.register
def _port_taken(error: PortTakenError, _: Words) -> str:
    return _(
        "Nothing can be served at {host}, port {port}: another program is there, or the address is "
        "not this machine's. Set `{key}` to another one.",
        host=error.host,
        port=error.port,
        key=error.key,
    )


@explain.register
def _already_running(error: AlreadyRunningError, _: Words) -> str:
    return _(
        "A bot runs on the data directory {folder} already. Stop it first, or give this one a "
        "directory of its own (`data_dir`).",
        folder=error.folder,
    )


explain.register(
    SurfaceError, lambda _error, _: _("A surface cannot serve; the log has the reason.")
)


explain.register(JobError, lambda _error, _: _("A job failed; the log has the reason."))


@explain.register
def _damaged_bases(error: DamagedBasesError, _: Words) -> str:
    return _(
        "Something is wrong in {names}; the log says what. `python -m bot kb rebuild` makes the "
        "indexes anew; what it leaves, a backup mends.",
        names=_(", ").join(map(inert, error.names)),
    )


@explain.register
def _worse_answers(error: WorseAnswersError, _: Words) -> str:
    figures = (
        _("{figure} {now:.2f}, before {before:.2f}", figure=called(name, _), now=now, before=before)
        for name, now, before in error.figures
    )
    return _(
        "Golden questions were answered worse than before: {figures}. `python -m bot kb eval` "
        "shows all of it, and makes it the measure from then on.",
        figures=_("; ").join(figures),
    )


@explain.register
def _not_fetched(error: FileNotFetchedError, _: Words) -> str:
    return _(
        "I could not fetch {name} from the platform. Send it again.", name=inert(error.filename)
    )


@explain.register
def _hosted_download_limit(error: HostedDownloadLimitError, _: Words) -> str:
    return _(
        "{name} is larger than the {limit:.0f} MB that Telegram lets bots download. Send it in "
        "parts; or whoever runs this bot runs a Bot API server next to it, which has no such limit "
        "(`{key}`).",
        name=inert(error.filename),
        limit=error.limit_bytes / (1 << 20),
        key=error.key,
    )


def _about(error_type: type[BackupError], text: str) -> None:
    """One sentence that names the path."""
    explain.register(error_type, lambda error, _: _(text, path=inert(error.path)))


_about(BackupError, N_("{path} cannot be used."))
_about(NothingToBackUpError, N_("There is nothing to back up in {path}."))
_about(BackupBusyError, N_("Another backup writes to {path} just now. Try again when it is done."))
_about(NoBackupError, N_("There is no backup in {path}."))
_about(DirectoryInUseError, N_("A bot or a command is using {path}. Stop it first."))
_about(
    DirectoryNotEmptyError,
    N_(
        "There is data in {path} already. With `--yes` it is moved aside, into a folder in there, "
        "and nothing is deleted."
    ),
)


@explain.register
def _backup_folder(error: BackupFolderError, _: Words) -> str:
    return _("{path} cannot be used: {reason}.", path=inert(error.path), reason=error.reason)


@explain.register
def _damaged_backup(error: DamagedBackupError, _: Words) -> str:
    return _(
        "The backup {path} is damaged: {file} is missing or not what it was. Nothing was changed; "
        "`python -m bot backup list` shows others.",
        path=inert(error.path),
        file=inert(error.file),
    )
