"""What LangChain writes beside a FAISS index, read without running any of it.

`index.pkl` is a pickle, which is a program. Here only stand-ins of ours for LangChain's document,
its store and plain values come out of one; whatever else a pickle names is refused before it is
looked up. Runs in the worker process.
"""

from __future__ import annotations

import base64
import json
import pickle
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from knowledge_base.bundle import NO_LETTER
from knowledge_base.errors import LimitExceededError, UnreadableDocumentError
from knowledge_base.settings import ReaderLimits
from knowledge_base.splitter import searched
from knowledge_base.terms import pack_terms, terms_of
from knowledge_base.uploads import composed

MEDIA_TYPE: Final = "application/x-langchain-faiss"
_LONGEST_NAME: Final = 180
_NAMELESS: Final = "imported.txt"
_BROKEN: Final = (
    pickle.UnpicklingError,
    EOFError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""All that broken or hostile bytes were seen to make of a pickle's reader."""


class _StandIn:
    """Takes what a pickle says an object holds, and does nothing with it."""

    def __new__(cls, *_args: object, **_more: object) -> Self:
        return super().__new__(cls)

    def __init__(self, *_args: object, **_more: object) -> None:
        self.held: Mapping[object, object] = {}

    def __setstate__(self, state: object) -> None:
        self.held = state if isinstance(state, dict) else {}


class _Document(_StandIn):
    """In place of LangChain's document."""


class _Docstore(_StandIn):
    """In place of LangChain's store of documents."""


class _Fields(_StandIn):
    """In place of the set of names that old protocols write as a call."""


class _Fact(_StandIn):
    """In place of a time, a number or a mark among what a document says of itself: nobody asks for
    it, and a folder is not refused for it."""


class _Path(_StandIn):
    """In place of a path, of which only the words are kept."""

    parts: tuple[str, ...]

    def __new__(cls, *args: object, **_more: object) -> Self:
        path = super().__new__(cls)
        path.parts = tuple(part for part in args if isinstance(part, str))
        return path


_KNOWN: Final[Mapping[tuple[str, str], type[_StandIn]]] = {
    **{
        (module, "Document"): _Document
        for module in (
            "langchain.schema",
            "langchain.schema.document",
            "langchain.docstore.document",
            "langchain_core.documents",
            "langchain_core.documents.base",
        )
    },
    **{
        (module, "InMemoryDocstore"): _Docstore
        for module in (
            "langchain.docstore",
            "langchain.docstore.in_memory",
            "langchain.vectorstores.docstore.in_memory",
            "langchain_community.docstore",
            "langchain_community.docstore.in_memory",
        )
    },
    **{
        (module, name): _Fact
        for module, names in {
            "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
            "decimal": ("Decimal",),
            "uuid": ("UUID",),
            "numpy": ("dtype",),
            "numpy.core.multiarray": ("scalar",),
            "numpy._core.multiarray": ("scalar",),
        }.items()
        for name in names
    },
    **{
        ("pathlib", name): _Path
        for name in ("Path", "PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
    },
    ("builtins", "set"): _Fields,
    ("__builtin__", "set"): _Fields,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> type[_StandIn]:
        """Nothing is imported: what is not known by exactly this name is refused."""
        found = _KNOWN.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return found

    def persistent_load(self, _pid: object, /) -> object:
        raise pickle.UnpicklingError("persistent")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with the row of the index that holds its vector."""

    row: int
    text: str
    source: str
    page: int | None


def passages(path: Path, name: str) -> list[Passage]:
    """The texts of `index.pkl`, by row. Raises `UnreadableDocumentError`."""
    try:
        with path.open("rb") as file:
            found = _Unpickler(file).load()
    except _BROKEN as error:
        raise UnreadableDocumentError(name, MEDIA_TYPE) from error
    return list(_told(found, name))


def _told(found: object, name: str) -> Iterator[Passage]:
    match found:
        case (_Docstore() as store, dict() as ids) | (dict() as ids, _Docstore() as store):
            pass
        case _:
            raise UnreadableDocumentError(name, MEDIA_TYPE)
    documents = store.held.get("_dict")
    if not isinstance(documents, dict):
        raise UnreadableDocumentError(name, MEDIA_TYPE)
    for row, key in sorted((r, k) for r, k in ids.items() if isinstance(r, int)):
        document = documents.get(key) if isinstance(key, str) else None
        if not isinstance(document, _Document):
            continue
        # Pydantic keeps the fields one level down; a plain object's are its state itself.
        held = document.held.get("__dict__", document.held)
        if not isinstance(held, dict) or not isinstance(text := held.get("page_content"), str):
            continue
        metadata = held.get("metadata")
        told = metadata if isinstance(metadata, dict) else {}
        if text.strip():
            yield Passage(row, text, _source(told), _page(told))


def _source(metadata: Mapping[object, object]) -> str:
    for key in ("source", "file_path", "filename", "title"):
        value = metadata.get(key)
        if isinstance(value, _Path):
            value = "/".join(value.parts)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _page(metadata: Mapping[object, object]) -> int | None:
    """Counted from 1: LangChain's PDF loaders count from 0, others say `page_number`."""
    for key, first in (("page", 1), ("page_number", 0)):
        value = metadata.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_000_000:
            return value + first or None
    return None


def named(found: list[Passage]) -> dict[str, list[Passage]]:
    """The passages of each document. Foreign paths are dropped to file names, all different."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    documents: dict[str, list[Passage]] = {}
    for passage in found:
        if passage.source not in names:
            names[passage.source] = _unique(_file_name(passage.source), taken)
        documents.setdefault(names[passage.source], []).append(passage)
    return documents


def _file_name(source: str) -> str:
    last = re.split(r"[/\\]", source.split("?")[0].rstrip("/\\"))[-1]
    shown = NO_LETTER.sub("_", composed(last))
    return shown.strip(". ")[-_LONGEST_NAME:] or _NAMELESS


def _unique(name: str, taken: set[str]) -> str:
    unique, number = name, 1
    while unique in taken:
        number += 1
        stem, dot, suffix = name.rpartition(".")
        unique = f"{stem} ({number}).{suffix}" if dot and stem else f"{name} ({number})"
    taken.add(unique)
    return unique


def lay_out(
    path: Path, name: str, limits: ReaderLimits, folder: Path
) -> Iterator[tuple[str, Path]]:
    """Each document as a file of JSON in `folder`: its name, and its passages with their terms."""
    for number, (document, found) in enumerate(named(passages(path, name)).items()):
        most = limits.max_passages_per_document
        if len(found) > most:
            raise LimitExceededError(document, "knowledge.max_passages_per_document", most)
        file = folder / f"{number:06d}.json"
        chunks = [
            {
                "row": passage.row,
                "text": passage.text,
                "page": passage.page,
                "terms": base64.b64encode(
                    pack_terms(terms_of(searched(passage.text, None, document)))
                ).decode("ascii"),
            }
            for passage in found
        ]
        content = json.dumps({"name": document, "chunks": chunks})
        file.write_text(content, encoding="utf-8", errors="surrogatepass")
        yield document, file
