"""Media types by content; the name only tells apart kinds of text."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path, PurePosixPath

from knowledge_base.loaders import media
from knowledge_base.loaders.encoding import decode
from knowledge_base.zips import BROKEN

_HEAD = 64 * 1024
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", media.PDF),
    (b"{\\rtf", media.RTF),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x00asm", "application/wasm"),
    (b"GGUF", "application/octet-stream"),
)
_TEXTUAL_MAGIC = frozenset({b"BM", b"MZ", b"ID3", b"GGUF", b"BZh", b"OggS", b"wOFF", b"wOF2"})
_BITMAP = re.compile(rb"BM.{4}\0{4}.{4}[\x0c\x28\x6c\x7c]\0{3}", re.S)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE_PARTS = (
    ("word/", media.DOCX),
    ("ppt/", media.PPTX),
    ("xl/", media.XLSX),
)
_HTML = re.compile(
    # A comment ends where it first can: else there are as many ways to read a hundred of them as no
    # process has the time for.
    r"\s*(?:<\?xml[^>]*>\s*)?(?><!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.I | re.S,
)
_MAIL_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]*):[ \t]?.*")
_MAIL_MARKS = frozenset(
    {"from", "to", "subject", "date", "message-id", "received", "mime-version", "return-path"}
)
_SRT = re.compile(r"\s*\d+\s*\n\s*\d{1,2}:\d{2}:\d{2}[,.]\d{1,3}\s*-->")


def detect(path: Path, name: str) -> str:
    """The media type of a file, by its content; an image named .docx is an image."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if not head:
        return media.EMPTY
    for binary in (_magic(head), _container(head, path), _riff(head)):
        if binary:
            return binary
    if _is_binary(head):
        return media.BINARY
    return _text_kind(decode(head), head, name, path)


def _magic(head: bytes) -> str | None:
    for magic, kind in _MAGIC:
        if head.startswith(magic) and (magic not in _TEXTUAL_MAGIC or _is_binary(head)):
            return kind
    if _BITMAP.match(head):
        return "image/bmp"  # a white one is no more binary than UTF-16
    if b"%PDF-" in head[:1024] and _is_binary(head):
        return media.PDF  # some writers put a line before the mark; readers accept it
    return None


def _riff(head: bytes) -> str | None:
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/avi"}.get(
            head[8:12], media.BINARY
        )
    if head[4:8] == b"ftyp":
        return "image/heic" if head[8:12] in {b"heic", b"mif1", b"avif"} else "video/mp4"
    return None


def _container(head: bytes, path: Path) -> str | None:
    if head.startswith(_OLE):
        return _ole_kind(path.read_bytes())
    if head.startswith(_ZIP):
        return _zip_kind(path)
    return None


def _ole_kind(content: bytes) -> str:
    def has(stream: str) -> bool:
        return stream.encode("utf-16-le") in content

    if has("EncryptedPackage"):
        return media.ENCRYPTED_OFFICE
    if has("WordDocument"):
        return "application/msword"
    if has("PowerPoint Document"):
        return "application/vnd.ms-powerpoint"
    if has("Workbook") or has("Book"):
        return media.XLS
    if has("__substg1.0_"):
        return "application/vnd.ms-outlook"
    return "application/x-ole-storage"


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "mimetype" in names:
                with archive.open("mimetype") as stream:
                    kind = stream.read(200).decode("ascii", "replace").strip()
                return media.TEMPLATES.get(kind, kind)
    except (*BROKEN, OSError, RuntimeError):  # the last: a password
        return media.BROKEN_ZIP
    if "[Content_Types].xml" in names:
        for prefix, kind in _OFFICE_PARTS:
            if any(name.startswith(prefix) for name in names):
                return kind
    return media.ZIP


def _is_binary(head: bytes) -> bool:
    if b"\x00" not in head:
        controls = sum(head.count(byte) for byte in b"\x01\x02\x03\x04\x05\x06\x0e\x0f\x10\x11\x12")
        return controls * 20 > len(head)
    text = decode(head)
    # NUL bytes are part of UTF-16 and UTF-32; elsewhere a few may stand in an honest text.
    controls = sum(1 for character in text if character < "\x09" or "\x0e" <= character < "\x20")
    bad = controls + text.count("\ufffd")
    return bad > 3 and bad * 20 > len(text)


def _text_kind(text: str, head: bytes, name: str, path: Path) -> str:
    suffix = PurePosixPath(name.lower()).suffix
    by_name = media.BY_SUFFIX.get(suffix)
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("WEBVTT"):
        return media.VTT
    if _SRT.match(text.lstrip("\ufeff")):
        return media.SRT
    if start[:13].lower() == "[script info]":
        return media.ASS
    if by_name in {media.SRT, media.VTT, media.ASS}:
        by_name = None  # named so, but nothing of the kind inside
    if _HTML.match(start) and by_name not in {media.MARKDOWN, media.SOURCE}:
        return media.HTML
    if start.startswith("<?xml") or (start.startswith("<") and suffix in {".xml", ".svg"}):
        return media.XML
    if by_name in {None, media.MAIL} and _is_mail(start):
        return media.MAIL
    if by_name in {None, media.JSON, media.TEXT} and start[:1] in {"{", "["}:
        return (
            media.JSON if by_name == media.JSON or _is_json(head, path) else by_name or media.TEXT
        )
    if by_name in {media.JSON, media.MAIL}:
        return media.TEXT
    return by_name or media.TEXT


def _is_mail(start: str) -> bool:
    """Mail begins with its fields, at least two of which every mail has."""
    seen: set[str] = set()
    for index, line in enumerate(start.splitlines()[:60]):
        if not line.strip():
            break
        if line[:1] in " \t" and index:
            continue
        field = _MAIL_FIELD.fullmatch(line)
        if not field:
            return index == 0 and line.startswith("From ")
        seen.add(field[1].lower())
    return len(seen & _MAIL_MARKS) >= 3


def _is_json(head: bytes, path: Path) -> bool:
    if len(head) == _HEAD:
        return True  # too long to try here; the loader reads it as text when it is none
    try:
        json.loads(decode(path.read_bytes()))
    except (ValueError, RecursionError):
        return False
    return True
