"""Zip archives as strangers send them: what a broken one raises, and its members in blocks."""

from __future__ import annotations

import errno
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,  # a compression method that zipfile lacks
    ValueError,  # places before the file's beginning, names in no encoding
)
"""What reading a broken archive raises, beside `OSError`: that may be the disk's fault. A password
that is needed is a bare `RuntimeError`, of which `NotImplementedError` is a kind: catch that first.
"""


def blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo | str, size: int) -> Iterator[bytes]:
    """The bytes of a member as they come. What is broken raises one of `BROKEN`."""
    with _whole(), archive.open(member) as stream:
        while block := stream.read(size):
            yield block


@contextmanager
def _whole() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # bz2's word for data that is none, and the system's for a place before the beginning.
        if error.errno in (None, errno.EINVAL):
            raise zipfile.BadZipFile from error
        raise
