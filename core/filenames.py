"""Names of files as others chose them, fit for our own disk. Pure."""

from __future__ import annotations

import re


def file_name(name: str) -> str:
    """The last part of it, without what a file system refuses; never empty, "." or ".."."""
    last = re.sub(r"[\x00-\x1f/\\:*?\"<>|]", "_", name.replace("\\", "/").rsplit("/", 1)[-1])
    last = last.encode("utf-8", "replace").decode("utf-8").strip(". ") or "file"
    stem, dot, suffix = last.rpartition(".")
    if not dot or len(suffix) > 12:
        stem, dot, suffix = last, "", ""
    while len(f"{stem}{dot}{suffix}".encode()) > 200:
        stem = stem[:-1]
    return f"{stem}{dot}{suffix}"
