"""The models' folder: what lies in it, fetching into it, removing from it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.models.catalogue import Recommended, find
from bot.models.download import Download, Fetched
from bot.models.embedding import find_embedder
from bot.models.errors import ModelInUseError, NotInstalledError, PullError
from bot.models.sources import (
    HUGGING_FACE,
    MODELSCOPE,
    Folder,
    HuggingFace,
    Listing,
    ModelScope,
    RemoteFile,
    Source,
    chosen,
    patterns_for,
)
from bot.models.verification import MANIFEST
from bot.proxies import proxy_for
from bot.settings import Config

if TYPE_CHECKING:
    import httpx2

_CONNECT_SECONDS: Final = 20.0
_READ_SECONDS: Final = 60.0
_LOOPBACK: Final = ("all://localhost", "all://127.0.0.1", "all://[::1]")


@dataclass(frozen=True, slots=True)
class Installed:
    """A model in the models' folder."""

    name: str
    path: Path
    """The folder, or the first .gguf file in it where it is one of these."""
    size: int

    @property
    def configured_as(self) -> str:
        """What `engine.model`, or `embedding.model`, is to be."""
        return str(self.path)

    @property
    def embeds(self) -> bool:
        """Whether it makes vectors of texts, and does not write."""
        return (self.path / "modules.json").is_file()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for: a model of our list, or a repository with perhaps a
    quantisation."""

    name: str
    """Of the folder that it goes into."""
    repository: str
    quantisation: str = ""
    known: Recommended | None = None


def models_folder(config: Config) -> Path:
    """Where models are kept."""
    return config.models.folder or config.data_dir / "models"


def installed(folder: Path) -> tuple[Installed, ...]:
    """What lies there, in the order of names; what is half fetched is not among it."""
    if not folder.is_dir():
        return ()
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and (model := _model_in(path)) is not None:
            size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
            found.append(Installed(path.name, model, size))
        elif path.suffix == ".gguf":
            found.append(Installed(path.name, path, path.stat().st_size))
    return tuple(found)


def _model_in(folder: Path) -> Path | None:
    if any(folder.rglob("*.part")):
        return None
    weights = [path for path in sorted(folder.glob("*.gguf")) if "mmproj" not in path.name.lower()]
    if weights:
        return weights[0]
    return folder if (folder / "config.json").is_file() else None


def wanted(name: str, source: str) -> Wanted:
    """Raises `PullError` for a name that is neither in our list nor a repository's."""
    known = find(name)
    if known is not None:
        repository = known.repository(source) if source != "folder" else known.huggingface
        if not repository:
            raise PullError("not_found", known.name, source)
        return Wanted(known.name, repository, known=known)
    embedder = find_embedder(name)
    if embedder is not None:
        repository = embedder.repository(source) if source != "folder" else embedder.huggingface
        if not repository:
            raise PullError("not_found", embedder.name, source)
        return Wanted(embedder.name, repository)
    repository, _, quantisation = name.partition(":")
    owner, _, last = repository.partition("/")
    if not owner or not last or "/" in last or not _is_plain(owner) or not _is_plain(last):
        raise PullError("unknown", name)
    return Wanted(f"{last}-{quantisation}" if quantisation else last, repository, quantisation)


def _is_plain(part: str) -> bool:
    return part.replace("-", "").replace("_", "").replace(".", "").isalnum() and part[0] != "."


class Pull:
    """One model on its way here."""

    def __init__(self, source: Source, client: httpx2.AsyncClient, folder: Path) -> None:
        self._source = source
        self._client = client
        self._folder = folder

    async def run(
        self,
        model: Wanted,
        *,
        images: bool,
        total: Callable[[int], None],
        progress: Callable[[int], None],
    ) -> Installed:
        """`total` is told the bytes once they are known, `progress` those that are here.

        Raises `PullError`.
        """
        listing = await self._source.listing(model.repository)
        files = self._files(model, listing, images)
        total(sum(file.size or 0 for file in files))
        target = self._folder / model.name
        await asyncio.to_thread(target.mkdir, parents=True, exist_ok=True)
        download = Download(self._client, model.name, target)
        await asyncio.to_thread(download.check_disk, files)
        done: list[Fetched] = []
        for file in files:
            before = sum(one.size for one in done)
            done.append(await download.fetch(file, lambda size, b=before: progress(b + size)))  # type: ignore[misc]
        await asyncio.to_thread(_write_manifest, target, self._source.name, listing, done)
        path = _model_in(target)
        if path is None:
            raise PullError("no_files", model.name, model.repository)
        return Installed(model.name, path, sum(one.size for one in done))

    def _files(self, model: Wanted, listing: Listing, images: bool) -> tuple[RemoteFile, ...]:
        known = model.known
        if known is None:
            return chosen(listing, patterns_for(listing, model.quantisation))
        extra = (known.projector,) if images and known.projector else ()
        files = chosen(listing, (*known.files, *extra))
        # Our own sums where the source tells none: a mirror is not believed about both.
        return tuple(_with_sum(file, known.sha256) for file in files)


def _with_sum(file: RemoteFile, sums: Mapping[str, str]) -> RemoteFile:
    return replace(file, sha256=sums[file.path]) if file.path in sums else file


def _write_manifest(folder: Path, source: str, listing: Listing, done: Iterable[Fetched]) -> None:
    """What `verify` compares with later."""
    content = {
        "source": source,
        "repository": listing.repository,
        "revision": listing.revision,
        "files": {one.path: {"size": one.size, "sha256": one.sha256} for one in done},
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def remove(config: Config, name: str) -> int:
    """Take a model from the disk; how many bytes that gave.

    Raises `ModelInUseError` where the configuration names it, and `NotInstalledError`.
    """
    folder = models_folder(config)
    place = folder / name
    # Also what is half fetched can be removed.
    if name != Path(name).name or name in ("", ".", "..") or not place.exists():
        raise NotInstalledError(name, tuple(one.name for one in installed(folder)))
    if (key := named_by(config, place)) is not None:
        raise ModelInUseError(name, key)
    if place.is_file():
        size = place.stat().st_size
        place.unlink()
        return size
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    shutil.rmtree(place)
    return size


def named_by(config: Config, place: Path) -> str | None:
    """The key of a configuration that names a file there, or the folder itself."""
    models = {"engine": config.engine.model, "embedding": config.embedding.model}
    models |= {f"engines.{name}": engine.model for name, engine in config.engines.items()}
    for section, model in models.items():
        used = Path(model).resolve() if model else None
        if used is not None and (used == place.resolve() or place.resolve() in used.parents):
            return f"{section}.model"
    return None


@asynccontextmanager
async def opened(
    config: Config, source: str
) -> AsyncGenerator[tuple[Source, httpx2.AsyncClient], None]:
    """The source that is configured, or the one named: "huggingface", "modelscope", a folder."""
    import httpx2

    models = config.models
    token = models.token
    headers = {"User-Agent": "lorekeeper"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    async with httpx2.AsyncClient(
        headers=headers,
        proxy=proxy_for(models.proxy, config.network.proxy),
        # A mirror on this machine needs none; where it leads to may.
        mounts=dict.fromkeys(_LOOPBACK),
        verify=httpx2.create_ssl_context(),
        trust_env=False,
        follow_redirects=True,
        timeout=httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
    ) as client:
        endpoint = models.endpoint if source == models.source else None
        match source:
            case "huggingface":
                yield HuggingFace(client, endpoint or HUGGING_FACE), client
            case "modelscope":
                yield ModelScope(client, endpoint or MODELSCOPE), client
            case _:
                yield Folder(Path(source)), client
