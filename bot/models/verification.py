"""Whether a model's files are whole and belong together, without loading it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from bot.models.download import is_pointer, sha256_of
from core.engines.gguf import BrokenGgufError, parts_of, read_gguf, shape_of_gguf
from core.engines.shape import UnknownShapeError, read_shape

MANIFEST: Final = "lorekeeper.json"
"""What was fetched, with sizes and sums; written by `pull`."""
Trouble: TypeAlias = Literal[
    "missing", "pointer", "truncated", "size", "checksum", "no_model", "config", "index",
    "shard", "tokenizer_missing", "tokenizer_broken", "tokenizer_large", "no_weights", "unfinished",
]  # fmt: skip
_LONGEST_HEADER: Final = 200 << 20
_TOKENIZERS: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, and with which file."""

    trouble: Trouble
    file: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found in one model."""

    path: Path
    findings: tuple[Finding, ...]
    files: int
    """How many were looked at."""
    sums: bool
    """Whether sums were known and compared."""


def verify(path: Path, *, sums: bool = True) -> Verified:
    """A folder or a .gguf file. Reading all of it, for the sums, takes a second a gigabyte."""
    if path.is_file() or path.suffix == ".gguf":
        return Verified(path, tuple(_gguf(path)), len(parts_of(path)), sums=False)
    if not path.is_dir():
        return Verified(path, (Finding("missing", path.name),), 0, sums=False)
    findings = list(dict.fromkeys(_folder(path)))
    known = _manifest(path)
    if sums:
        listed = [finding.file for finding in findings]
        findings += [one for one in _sums(path, known) if one.file not in listed]
    count = sum(1 for one in path.iterdir() if one.is_file())
    return Verified(path, tuple(findings), count, sums=sums and bool(known))


def _folder(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.iterdir()):
        if path.suffix == ".part":
            yield Finding("unfinished", path.name)
        elif path.is_file() and is_pointer(path):
            yield Finding("pointer", path.name)
    for path in sorted(folder.glob("*.gguf")):
        if not is_pointer(path):
            yield from _gguf(path)
    if any(folder.glob("*.gguf")) and not (folder / "config.json").exists():
        return
    yield from _config(folder)
    yield from _weights(folder)
    yield from _tokenizer(folder)


def _gguf(path: Path) -> Iterator[Finding]:
    for part in parts_of(path):
        if not part.is_file():
            yield Finding("missing", part.name)
            continue
        if is_pointer(part):
            yield Finding("pointer", part.name)
            continue
        try:
            head = read_gguf(part)
        except BrokenGgufError as error:
            truncated = error.problem == "truncated"
            yield Finding("truncated" if truncated else "no_model", part.name)
            continue
        if head.needed_bytes > part.stat().st_size:
            yield Finding("truncated", part.name)
        if head.tokens and head.vocabulary and head.tokens > head.vocabulary:
            detail = f"{head.tokens} > {head.vocabulary}"
            yield Finding("tokenizer_large", part.name, detail)
        if head.vocabulary and head.text("general.architecture") != "clip":
            try:
                shape_of_gguf(head)
            except UnknownShapeError as error:
                yield Finding("config", part.name, error.missing)


def _config(folder: Path) -> Iterator[Finding]:
    path = folder / "config.json"
    if not path.is_file():
        yield Finding("missing", "config.json")
        return
    if is_pointer(path):
        return
    try:
        read_shape(folder)
    except ValueError as error:
        yield Finding("config", "config.json", str(error))
    except UnknownShapeError as error:
        if error.missing == path.name:  # it is no table
            yield Finding("config", path.name)
        # Anything else is readable, but of another kind, such as RWKV.


def _weights(folder: Path) -> Iterator[Finding]:
    indexes = sorted(folder.glob("*.safetensors.index.json"))
    files = [path for path in sorted(folder.glob("*.safetensors")) if not is_pointer(path)]
    if not indexes and not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        yield Finding("no_weights", folder.name)
    held: dict[str, frozenset[str]] = {}
    for path in files:
        try:
            held[path.name] = _tensors(path)
        except ValueError:
            yield Finding("truncated", path.name)
    for index in indexes:
        yield from _indexed(folder, index, held)


def _indexed(folder: Path, index: Path, held: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    try:
        wanted = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        by_file: dict[str, set[str]] = {}
        for tensor, shard in wanted.items():
            by_file.setdefault(str(shard), set()).add(str(tensor))
    except (ValueError, KeyError, AttributeError, TypeError):
        if not is_pointer(index):
            yield Finding("index", index.name)
        return
    for shard, tensors in sorted(by_file.items()):
        if not (folder / shard).is_file():
            yield Finding("missing", shard)
        elif shard in held and (absent := tensors - held[shard]):
            yield Finding("shard", shard, sorted(absent)[0])


def _tensors(path: Path) -> frozenset[str]:
    """Names in a safetensors file. Raises `ValueError` where it is not whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > min(size, _LONGEST_HEADER):
            raise ValueError(path.name)
        header = json.loads(file.read(length))
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    end = max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    if 8 + length + end != size:
        raise ValueError(path.name)
    return frozenset(entries)


def _tokenizer(folder: Path) -> Iterator[Finding]:
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        yield Finding("tokenizer_missing", "tokenizer.json")
        return
    path = folder / "tokenizer.json"
    if not path.is_file() or is_pointer(path):
        return
    try:
        tokenizer = json.loads(path.read_text(encoding="utf-8"))
        highest = _highest(tokenizer)
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Finding("tokenizer_broken", path.name)
        return
    try:
        rows = read_shape(folder).vocabulary
    except (OSError, ValueError, UnknownShapeError):
        return
    if highest >= rows:
        yield Finding("tokenizer_large", path.name, f"{highest} >= {rows}")


def _highest(tokenizer: Mapping[str, object]) -> int:
    """The highest number that a tokenizer may put out."""
    model, added = tokenizer["model"], tokenizer.get("added_tokens")
    vocabulary = model["vocab"] if isinstance(model, Mapping) else {}
    numbers = [int(token["id"]) for token in added] if isinstance(added, list) else []
    if isinstance(vocabulary, Mapping):
        numbers += [int(number) for number in vocabulary.values()]
    else:  # unigrams: pairs in the order of their numbers
        numbers.append(len(vocabulary) - 1)
    return max(numbers, default=-1)


def _manifest(folder: Path) -> Mapping[str, tuple[int, str]]:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {
            str(name): (int(entry["size"]), str(entry["sha256"])) for name, entry in found.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _sums(folder: Path, known: Mapping[str, tuple[int, str]]) -> Iterator[Finding]:
    for name, (size, digest) in sorted(known.items()):
        path = folder / name
        if not path.is_file():
            yield Finding("missing", name)
        elif path.stat().st_size != size:
            yield Finding("size", name, f"{path.stat().st_size} / {size}")
        elif sha256_of(path) != digest:
            yield Finding("checksum", name)
