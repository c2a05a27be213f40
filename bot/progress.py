"""Progress of files being added, fetched or loaded, for a person at a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from bot import output
from core.commands.ingesting import STAGES
from core.language import N_, Words
from knowledge_base.models import IngestProgress, Looked

log = logging.getLogger(__name__)

_BECAME: Final = {
    "added": N_("added"),
    "replaced": N_("replaced"),
    "unchanged": N_("unchanged"),
    "kept": N_("kept"),
    "removed": N_("removed"),
    "back": N_("back"),
}
_CHECKING: Final = {
    Looked.DATABASE: N_("checking the database"),
    Looked.PASSAGES: N_("checking passages"),
    Looked.ORIGINALS: N_("checking originals"),
    Looked.INDEX_FILES: N_("checking index files"),
}
_COLUMN: Final = 9


def became(state: str, name: str, _: Words, passages: int | None = None) -> str:
    """What became of a document, in a line: a word of a column's width, its name, its size."""
    word = _(_BECAME[state])
    line = f"{word}{' ' * (_COLUMN - output.width(word))}  {name}"
    if passages is None:
        return line
    counted = _.plural("{count} passage", "{count} passages", passages)
    return f"{line}  ({counted})"


class AddProgress:
    """One bar for each file under way; silent where nobody watches."""

    def __init__(self, _: Words, *, quiet: bool) -> None:
        console = Console(stderr=True, highlight=False)
        self._words = _
        self._shown = not quiet and sys.stderr.isatty()
        self._aside = sys.stdout.isatty()
        """Whether lines are read where the bars are."""
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not self._shown,
            # Else what is piped elsewhere would be written above the bars.
            redirect_stdout=self._aside,
        )

    def __enter__(self) -> AddProgress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """A line above the bars; to standard output where there are none, or where that is read
        elsewhere than at the terminal that shows them."""
        line = output.harmless(line).replace("\n", "\ufffd")
        if self._shown and self._aside:
            self._bars.console.print(line, markup=False)
        else:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    @contextmanager
    def file(self, name: str) -> Generator[Callable[[IngestProgress], None], None, None]:
        """A bar that follows one file; yields what `Library.add` reports to."""
        name = output.harmless(name)
        bar = self._bars.add_task(name, total=None)

        def show(progress: IngestProgress) -> None:
            self._bars.update(
                bar,
                description=f"{name}: {self._words(STAGES[progress.stage])}",
                completed=progress.done,
                total=progress.total,
            )

        try:
            yield show
        finally:
            self._bars.remove_task(bar)


class LoadingBar:
    """How far a model has come on its way into memory: a bar where somebody watches, else lines in
    the log, one for every tenth. Called from the thread that loads."""

    def __init__(self, name: str) -> None:
        self._name = output.harmless(name)
        self._logged = -1
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            console=Console(stderr=True, highlight=False),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._bar = self._bars.add_task(self._name, total=1.0)

    def __enter__(self) -> LoadingBar:
        self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bars.stop()

    def show(self, stage: str, share: float) -> None:
        """`stage` is "download" or "load"."""
        doing = "downloading" if stage == "download" else "loading"
        self._bars.update(self._bar, completed=share, description=f"{doing} {self._name}")
        if self._bars.disable and (tenth := int(share * 10)) != self._logged:
            self._logged = tenth
            log.info("%s %s: %d %%", doing, self._name, tenth * 10)


class BytesBar:
    """How much of a model is fetched; to standard error, where somebody watches."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False),
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
        )
        self._bar = self._bars.add_task(output.harmless(name), total=None)

    def __enter__(self) -> BytesBar:
        self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bars.stop()

    def total(self, size: int) -> None:
        """Told once it is known."""
        self._bars.update(self._bar, total=size)

    def show(self, size: int) -> None:
        """So many bytes are here."""
        self._bars.update(self._bar, completed=size)


class CountBar:
    """How many of a number of equal things are done; to standard error, where somebody watches."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False),
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
        )
        self._bar = self._bars.add_task(output.harmless(name), total=None)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bars.stop()

    def show(self, done: int, total: int) -> None:
        """So many are done."""
        self._bars.update(self._bar, completed=done, total=total)


class CheckingBar(CountBar):
    """What a base is checked for, one thing after the other, each with a bar and a time of its
    own."""

    def __init__(self, _: Words, *, quiet: bool) -> None:
        super().__init__("", quiet=quiet)
        self._words = _
        self._looked: Looked | None = None

    def stage(self, looked: Looked, done: int, total: int | None) -> None:
        """So many are done of what is under way; None: nobody knows of how many."""
        if looked is self._looked:
            self._bars.update(self._bar, completed=done, total=total)
            return
        self._looked = looked
        checking = self._words(_CHECKING[looked])
        self._bars.reset(self._bar, completed=done, total=total, description=checking)
