"""The port through which files are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

from knowledge_base.bundle import Entry
from knowledge_base.models import FileText, ParsedDocument, Picture, Upload

BundleEntry: TypeAlias = "tuple[Entry, Path]"
"""What the manifest says of a document, and its original."""


class FileReader(Protocol):
    """Reads files for several tasks at once; raises `RejectedDocumentError` for what it cannot,
    and `StorageFullError` where there is no room for what it holds."""

    def expect(self) -> None:
        """A file comes soon. Returns at once."""
        ...

    async def parse(
        self, upload: Upload, progress: Callable[[int, int | None], None] | None = None
    ) -> ParsedDocument:
        """The file's chunks with their terms; `progress` is told pages done and in all."""
        ...

    async def text(self, upload: Upload) -> FileText:
        """The file's text; a long section comes in several parts."""
        ...

    async def extract(self, upload: Upload, destination: Path) -> tuple[Upload, ...] | None:
        """An archive's members as files in `destination`; None where the file is no archive."""
        ...

    async def unbundle(self, upload: Upload, destination: Path) -> tuple[BundleEntry, ...]:
        """The documents of an exported base as files in `destination`, all of them checked."""
        ...

    async def langchain(self, upload: Upload, destination: Path) -> tuple[Upload, ...]:
        """The documents of LangChain's `index.pkl` as files in `destination`."""
        ...

    async def redraw(self, upload: Upload, destination: Path, side: int) -> Picture:
        """A picture written anew to `destination`, at most `side` pixels wide and high, without
        whatever else the file holds."""
        ...

    async def aclose(self) -> None: ...
