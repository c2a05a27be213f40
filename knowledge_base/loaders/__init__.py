"""Loaders: a file of any kind we read, to sections of clean text. Runs in the worker process."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from knowledge_base.errors import (
    EmptyDocumentError,
    EncryptedDocumentError,
    LimitExceededError,
    UnsupportedFormatError,
)
from knowledge_base.loaders import media
from knowledge_base.loaders.detect import detect
from knowledge_base.loaders.source import MEGABYTE, Source
from knowledge_base.models import Section
from knowledge_base.settings import ReaderLimits

__all__ = ["detect", "load", "load_as"]

Loader = Callable[[Source], list[Section]]

# Named, not imported: reading a text file must not cost the import of a PDF library.
_LOADERS: Final[dict[str, tuple[str, str]]] = {
    media.TEXT: ("text", "load_text"),
    media.MARKDOWN: ("text", "load_markdown"),
    media.RST: ("text", "load_rst"),
    media.SOURCE: ("text", "load_source"),
    media.HTML: ("html", "load_html"),
    media.XML: ("structured", "load_xml"),
    media.JSON: ("structured", "load_json"),
    media.JSON_LINES: ("structured", "load_json_lines"),
    media.CSV: ("sheets", "load_csv"),
    media.XLSX: ("sheets", "load_xlsx"),
    media.XLS: ("sheets", "load_xls"),
    media.SRT: ("subtitles", "load_subtitles"),
    media.VTT: ("subtitles", "load_subtitles"),
    media.ASS: ("subtitles", "load_subtitles"),
    media.RTF: ("rtf", "load_rtf"),
    media.MAIL: ("mail", "load_mail"),
    media.PDF: ("pdf", "load_pdf"),
    media.DOCX: ("word", "load_docx"),
    media.PPTX: ("slides", "load_pptx"),
    media.ODT: ("opendocument", "load_odt"),
    media.ODS: ("opendocument", "load_ods"),
    media.ODP: ("opendocument", "load_odp"),
    media.EPUB: ("epub", "load_epub"),
    media.NOTE: ("note", "load_note"),
    media.PAGE: ("page", "load_page"),
    media.ENTRY: ("entry", "load_entry"),
    **dict.fromkeys(media.PICTURES, ("picture_text", "load_picture")),
}


def load(path: Path, name: str, limits: ReaderLimits) -> list[Section]:
    """The text of a file, in order, none of it lost. Raises `RejectedDocumentError` subclasses."""
    if path.stat().st_size > limits.max_file_mb * MEGABYTE:
        raise LimitExceededError(name, "knowledge.max_file_mb", limits.max_file_mb)
    return load_as(Source(path, name, detect(path, name), limits))


def load_as(source: Source) -> list[Section]:
    """The text of a file whose type is known."""
    if source.media_type == media.EMPTY:
        raise EmptyDocumentError(source.name)
    if source.media_type == media.ENCRYPTED_OFFICE:
        raise EncryptedDocumentError(source.name)
    if source.media_type == media.BROKEN_ZIP:
        raise source.unreadable()
    if source.media_type not in _LOADERS:
        raise UnsupportedFormatError(source.name, source.media_type)
    module, function = _LOADERS[source.media_type]
    loader = cast(Loader, getattr(import_module(f"{__name__}.{module}"), function))
    sections = loader(source)
    if not any(section.text.strip() for section in sections):
        raise EmptyDocumentError(source.name)
    return sections
