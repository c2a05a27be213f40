"""What can be wrong with fetching a model, as facts; `bot.models.wording` has the sentences."""

from __future__ import annotations

from typing import Literal, TypeAlias

from core.errors import UserError
from core.language import Told

PullProblem: TypeAlias = Literal[
    "unknown", "not_found", "gated", "unreachable", "broken_off", "answer", "no_files", "disk",
    "checksum", "pointer", "folder",
]  # fmt: skip


class PullError(UserError):
    """A model, or a file of it, was not fetched; `detail` names what the problem is about."""

    def __init__(self, problem: PullProblem, model: str, detail: str = "", need: int = 0) -> None:
        super().__init__(problem, model, detail)
        self.problem = problem
        self.model = model
        self.detail = detail
        self.need = need
        """Bytes that are missing on the disk."""


class ModelInUseError(UserError):
    """The configuration names this model, so it is not removed."""

    def __init__(self, model: str, key: str) -> None:
        super().__init__(model, key)
        self.model = model
        self.key = key


class NotWrittenError(UserError):
    """The configuration file cannot be written, and is as it was."""

    def __init__(self, file: str, reason: Told) -> None:
        super().__init__(file)
        self.file = file
        self.reason = reason


class NotInstalledError(UserError):
    """There is no such model in the models' folder."""

    def __init__(self, model: str, known: tuple[str, ...]) -> None:
        super().__init__(model)
        self.model = model
        self.known = known
