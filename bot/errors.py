"""Expected failures of the program around the core.

ConfigError: its problems name key and line, and tell themselves in any language
SurfaceError: carries facts; `bot.wording` has the words
└── PortTakenError, AlreadyRunningError
BackupError: as it
├── NothingToBackUpError, BackupBusyError, BackupFolderError
├── NoBackupError, DamagedBackupError
└── DirectoryInUseError, DirectoryNotEmptyError: nothing is restored there
JobError: as it
├── DamagedBasesError
└── WorseAnswersError
UserError (of the core)
├── FileNotFetchedError
└── AttachmentTooLargeError
    └── HostedDownloadLimitError
"""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import AttachmentTooLargeError, UserError
from core.language import Later, Told, Words, told, words

SETTINGS = Later("configuration")
"""Where a problem lies that the configuration as a whole has, wherever it was written."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where it was written, which key, and what to do."""

    source: Told
    line: int | None
    key: str
    text: Told

    def told(self, _: Words) -> str:
        """All of it on one line."""
        line = _("line {line}", line=self.line) if self.line else ""
        parts = (told(self.source, _), line, self.key, told(self.text, _))
        return _(": ").join(filter(None, parts))

    def __str__(self) -> str:
        return self.told(words("en"))


class ConfigError(Exception):
    """The configuration cannot be used; each problem names its key and its line."""

    def __init__(self, *problems: Problem, language: str = "auto") -> None:
        """`language`: the one that the configuration asks for, as far as it could be read."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
        self.language = language

    def told(self, _: Words) -> str:
        """A line for each problem."""
        return "\n".join(problem.told(_) for problem in self.problems)


class SurfaceError(Exception):
    """A surface cannot serve."""


class PortTakenError(SurfaceError):
    """The address cannot be listened on; `key` is where another one is configured."""

    def __init__(self, host: str, port: int, key: str) -> None:
        super().__init__(host, port)
        self.host = host
        self.port = port
        self.key = key


class AlreadyRunningError(SurfaceError):
    """Another bot serves from the same data directory."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder


class JobError(Exception):
    """A job did not do what it is for."""


class DamagedBasesError(JobError):
    """Bases whose parts do not agree; the log says how."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(*names)
        self.names = names


class WorseAnswersError(JobError):
    """Golden questions were answered worse than the run before allows.

    Each figure with its name, what it is and what it was.
    """

    def __init__(self, figures: tuple[tuple[str, float, float], ...]) -> None:
        super().__init__(*figures)
        self.figures = figures


class FileNotFetchedError(UserError):
    """A platform did not give us a file that came with a message."""

    def __init__(self, filename: str) -> None:
        super().__init__(filename)
        self.filename = filename


class HostedDownloadLimitError(AttachmentTooLargeError):
    """A file is over what Telegram's own server lets bots fetch; a server of one's own gives it."""

    def __init__(self, filename: str, limit_bytes: int) -> None:
        super().__init__(filename, limit_bytes, "telegram.local_mode")


class BackupError(Exception):
    """A backup cannot be made, or not be restored; everything is as it was before."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class NothingToBackUpError(BackupError):
    """There is no data in the directory."""


class BackupBusyError(BackupError):
    """Somebody else writes to the folder of backups."""


class BackupFolderError(BackupError):
    """The folder of backups cannot be used."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path)
        self.reason = reason


class NoBackupError(BackupError):
    """There is no backup."""


class DamagedBackupError(BackupError):
    """A file of the backup is missing, or is not what it was."""

    def __init__(self, path: str, file: str) -> None:
        super().__init__(path)
        self.file = file


class DirectoryInUseError(BackupError):
    """A bot, or a command, has the data directory open."""


class DirectoryNotEmptyError(BackupError):
    """There is data in the directory."""
