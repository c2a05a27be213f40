"""Where models come from: Hugging Face, ModelScope, a folder. Which files there are, and where.

The interfaces: huggingface.co/docs/hub/api and modelscope.cn/api/v1, as their own clients use them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

import tenacity

from bot.models.errors import PullError

if TYPE_CHECKING:
    import httpx2

HUGGING_FACE: Final = "https://huggingface.co"
MODELSCOPE: Final = "https://modelscope.cn"
_LONGEST_LISTING: Final = 100
"""Pages of a listing that are followed."""
_TRIES: Final = 3
_WHOLE: Final = (
    "*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "tokenizer*",
)  # fmt: skip
_MODULE_FILE: Final = re.compile(
    r"[0-9]_[A-Za-z]{1,40}/(?:config\.json|model\.safetensors|pytorch_model\.bin)", re.ASCII
)
_USUAL_BITS: Final = "*Q4_K_M*.gguf"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that can be fetched."""

    path: str
    """Its name; with a folder before it only where that is a module of a sentence-transformers
    model, such as `1_Pooling/config.json`."""
    size: int | None
    url: str
    """An address, or a path for a folder."""
    sha256: str | None = None
    blob: str | None = None
    """Git's own sum of a small file, where the hub tells no other."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a repository holds at one moment."""

    repository: str
    revision: str
    files: tuple[RemoteFile, ...]


class Source(Protocol):
    """A place with repositories of models."""

    @property
    def name(self) -> str:
        """ "huggingface", "modelscope" or "folder"."""
        ...

    async def listing(self, repository: str) -> Listing:
        """Raises `PullError`."""
        ...


def chosen(listing: Listing, patterns: Sequence[str]) -> tuple[RemoteFile, ...]:
    """The files that fit a pattern, whatever the case; all parts of what is split.

    Raises `PullError` where a pattern for weights fits nothing.
    """
    found = [file for file in listing.files if _fits(file.path, patterns)]
    if not any(file.path.endswith((".safetensors", ".gguf", ".bin")) for file in found):
        raise PullError("no_files", listing.repository, ", ".join(patterns))
    return tuple(found)


def patterns_for(listing: Listing, wanted: str = "") -> tuple[str, ...]:
    """What is fetched of a repository that our list does not have; `wanted` is a quantisation."""
    if wanted:
        return (wanted if "*" in wanted else f"*{wanted}*.gguf",)
    if any(file.path.endswith(".safetensors") for file in listing.files):
        return _WHOLE
    if any(file.path.endswith(".gguf") for file in listing.files):
        return (_USUAL_BITS,)
    return (*_WHOLE, "*.bin")


def _fits(name: str, patterns: Sequence[str]) -> bool:
    lowered = name.casefold()
    if lowered.startswith("consolidated"):  # the same weights once more, in another form
        return False
    return any(fnmatch(lowered, pattern.casefold()) for pattern in patterns)


class HuggingFace:
    """The hub itself or a mirror of it."""

    name = "huggingface"

    def __init__(self, client: httpx2.AsyncClient, endpoint: str = HUGGING_FACE) -> None:
        self._client = client
        self._endpoint = endpoint.rstrip("/")

    async def listing(self, repository: str) -> Listing:
        about = f"{self._endpoint}/api/models/{quote(repository)}"
        known, _ = await asked(self._client, f"{about}/revision/main", repository)
        revision = str(known.get("sha") or "main") if isinstance(known, Mapping) else "main"
        url: str | None = f"{about}/tree/{quote(revision)}?recursive=true"
        files: list[RemoteFile] = []
        for _ in range(_LONGEST_LISTING):
            if url is None:
                break
            page, url = await asked(self._client, url, repository)
            if not isinstance(page, list):
                raise PullError("answer", repository, self._endpoint)
            files += [self._file(repository, revision, entry) for entry in page if _is_file(entry)]
        return Listing(repository, revision, tuple(files))

    def _file(self, repository: str, revision: str, entry: Mapping[str, object]) -> RemoteFile:
        path, large = str(entry["path"]), entry.get("lfs")
        url = f"{self._endpoint}/{quote(repository)}/resolve/{quote(revision)}/{quote(path)}"
        if isinstance(large, Mapping):
            size = _size(large.get("size") or entry.get("size"))
            return RemoteFile(path, size, url, sha256=str(large.get("oid") or "") or None)
        return RemoteFile(path, _size(entry.get("size")), url, blob=str(entry.get("oid") or ""))


class ModelScope:
    """modelscope.cn."""

    name = "modelscope"

    def __init__(self, client: httpx2.AsyncClient, endpoint: str = MODELSCOPE) -> None:
        self._client = client
        self._endpoint = endpoint.rstrip("/")

    async def listing(self, repository: str) -> Listing:
        about = f"{self._endpoint}/api/v1/models/{quote(repository)}"
        url = f"{about}/repo/files?Revision=master&Recursive=true"
        found, _ = await asked(self._client, url, repository)
        data = found.get("Data") if isinstance(found, Mapping) else None
        entries = data.get("Files") if isinstance(data, Mapping) else None
        if not isinstance(entries, list):
            raise PullError("answer", repository, self._endpoint)
        files = [
            RemoteFile(
                path=str(entry["Path"]),
                size=_size(entry.get("Size")),
                url=f"{self._endpoint}/models/{quote(repository)}/resolve/master/"
                f"{quote(str(entry['Path']))}",
                sha256=str(entry.get("Sha256") or "") or None,
            )
            for entry in entries
            if isinstance(entry, Mapping)
            and entry.get("Type") != "tree"
            and _is_name(entry.get("Path"))
        ]
        return Listing(repository, "master", tuple(files))


class Folder:
    """A folder with the files themselves, or with folders named as on the hubs."""

    name = "folder"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def listing(self, repository: str) -> Listing:
        return await asyncio.to_thread(self._listing, repository)

    def _listing(self, repository: str) -> Listing:
        folder = self._path.expanduser()
        last = repository.rpartition("/")[2]
        places = (folder / repository, folder / last, folder)
        found = next((place for place in places if place.is_dir()), None)
        if found is None:
            raise PullError("folder", repository, str(self._path))
        files = [
            RemoteFile(path.relative_to(found).as_posix(), path.stat().st_size, str(path))
            for path in sorted((*found.iterdir(), *found.glob("*/*")))
            if path.is_file() and _is_name(path.relative_to(found).as_posix())
        ]
        return Listing(repository, "", tuple(files))


async def asked(client: httpx2.AsyncClient, url: str, repository: str) -> tuple[object, str | None]:
    """The answer of a hub's interface and the address of its next page; three tries.

    Raises `PullError`.
    """
    import httpx2

    tries = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type((httpx2.TransportError, _OverloadedError)),
        stop=tenacity.stop_after_attempt(_TRIES),
        wait=tenacity.wait_exponential(0.5),
        reraise=True,
    )
    try:
        reply: httpx2.Response = await tries(_got, client, url)
    except httpx2.TransportError as error:
        raise PullError("unreachable", repository, host_of(url)) from error
    except _OverloadedError as error:
        reply = error.reply
    refuse(reply.status_code, repository, url)
    try:
        found: object = reply.json()
    except ValueError as error:
        raise PullError("answer", repository, host_of(url)) from error
    return found, reply.links.get("next", {}).get("url")


class _OverloadedError(Exception):
    """A server that may be better in a moment."""

    def __init__(self, reply: httpx2.Response) -> None:
        self.reply = reply


async def _got(client: httpx2.AsyncClient, url: str) -> httpx2.Response:
    reply = await client.get(url)
    if reply.status_code >= 500:
        raise _OverloadedError(reply)
    return reply


def refuse(status: int, repository: str, url: str) -> None:
    """Raise the `PullError` that a status means, if it is no good one."""
    if status in (401, 403):
        raise PullError("gated", repository, host_of(url))
    if status == 404:
        raise PullError("not_found", repository, host_of(url))
    if status >= 400:
        raise PullError("answer", repository, f"{host_of(url)}, {status}")


def host_of(url: str) -> str:
    """The machine in an address."""
    return url.split("/")[2] if "://" in url else url


def _is_file(entry: object) -> bool:
    return (
        isinstance(entry, Mapping) and entry.get("type") == "file" and _is_name(entry.get("path"))
    )


def _is_name(path: object) -> bool:
    """Not below a folder, but one of a module, and nothing that could lead out of ours."""
    if not isinstance(path, str) or "\\" in path or path == "..":
        return False
    return path == Path(path).name or _MODULE_FILE.fullmatch(path) is not None


def _size(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
