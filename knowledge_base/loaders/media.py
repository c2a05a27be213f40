"""The media types that loaders know, and which of them a file's name may decide."""

from __future__ import annotations

from typing import Final

from knowledge_base import notes
from knowledge_base.models import ENTRY_TYPE, PAGE_TYPE

TEXT: Final = "text/plain"
MARKDOWN: Final = "text/markdown"
RST: Final = "text/x-rst"
SOURCE: Final = "text/x-source"
HTML: Final = "text/html"
XML: Final = "application/xml"
JSON: Final = "application/json"
JSON_LINES: Final = "application/jsonl"
CSV: Final = "text/csv"
SRT: Final = "application/x-subrip"
VTT: Final = "text/vtt"
ASS: Final = "text/x-ssa"
RTF: Final = "application/rtf"
MAIL: Final = "message/rfc822"
PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS: Final = "application/vnd.ms-excel"
ODT: Final = "application/vnd.oasis.opendocument.text"
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
ODP: Final = "application/vnd.oasis.opendocument.presentation"
EPUB: Final = "application/epub+zip"
ZIP: Final = "application/zip"
NOTE: Final = notes.MEDIA_TYPE
"""Never told by content: see there."""
PAGE: Final = PAGE_TYPE
"""Likewise: HTML of which the main text is wanted, because it was fetched from the web."""
ENTRY: Final = ENTRY_TYPE
"""Likewise: text that is kept whole."""

PICTURES: Final = (
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/tiff",
    "image/gif",
    "image/bmp",
)
"""Read by OCR, where that is installed."""

EMPTY: Final = "application/x-empty"
BINARY: Final = "application/octet-stream"
BROKEN_ZIP: Final = "application/x-broken-zip"
ENCRYPTED_OFFICE: Final = "application/x-encrypted-office"

TEMPLATES: Final = {
    f"{ODT}-template": ODT,
    f"{ODS}-template": ODS,
    f"{ODP}-template": ODP,
}

_SOURCE_SUFFIXES = (
    "py",
    "pyi",
    "js",
    "mjs",
    "cjs",
    "ts",
    "tsx",
    "jsx",
    "java",
    "kt",
    "kts",
    "scala",
    "groovy",
    "c",
    "h",
    "cc",
    "cpp",
    "cxx",
    "hpp",
    "hh",
    "cs",
    "go",
    "rs",
    "rb",
    "php",
    "swift",
    "m",
    "mm",
    "r",
    "jl",
    "lua",
    "pl",
    "pm",
    "sh",
    "bash",
    "zsh",
    "fish",
    "ps1",
    "bat",
    "cmd",
    "sql",
    "hs",
    "ml",
    "fs",
    "fsx",
    "clj",
    "cljs",
    "ex",
    "exs",
    "erl",
    "elm",
    "dart",
    "nim",
    "zig",
    "v",
    "vhdl",
    "asm",
    "s",
    "f90",
    "f95",
    "pas",
    "d",
    "vue",
    "svelte",
    "css",
    "scss",
    "less",
    "toml",
    "ini",
    "cfg",
    "conf",
    "yaml",
    "yml",
    "tf",
    "proto",
    "graphql",
    "cmake",
    "gradle",
    "make",
    "mk",
    "dockerfile",
    "tex",
    "bib",
)

BY_SUFFIX: Final[dict[str, str]] = {
    ".txt": TEXT,
    ".text": TEXT,
    ".log": TEXT,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".mdx": MARKDOWN,
    ".rst": RST,
    ".rest": RST,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".xml": XML,
    ".svg": XML,
    ".json": JSON,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".csv": CSV,
    ".tsv": CSV,
    ".eml": MAIL,
    ".srt": SRT,
    ".vtt": VTT,
    ".ass": ASS,
    ".ssa": ASS,
    **{f".{suffix}": SOURCE for suffix in _SOURCE_SUFFIXES},
}
