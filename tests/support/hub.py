"""A hub on this machine: both interfaces, and everything that goes wrong on the way from one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class HubFile:
    """A file, and how the hub fails with it."""

    content: bytes
    large: bool = True
    """Kept by Git LFS: its sum is told."""
    breaks_after: list[int] = field(default_factory=list)
    """Of each following answer so many bytes arrive, then the connection is gone."""
    instead: bytes | None = None
    """Sent in place of the content, of which size and sum are told nevertheless."""
    statuses: list[int] = field(default_factory=list)
    """Answered first, one after the other."""


class Hub:
    """Repositories by their names; `ranges` off: what was asked for in part comes whole."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, HubFile]] = {}
        self.gated: set[str] = set()
        self.token = "let-me-in"
        self.ranges = True
        self.page_size = 1000
        self.asked: list[tuple[str, str]] = []
        """Each request for a file: its path, and the range it asked for."""
        self.url = ""

    def add(self, repository: str, path: str, content: bytes, **how: object) -> HubFile:
        made = HubFile(content, **how)
        self.repositories.setdefault(repository, {})[path] = made
        return made

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/models/{owner}/{name}/revision/main", self._about)
        app.router.add_get("/api/models/{owner}/{name}/tree/{revision}", self._tree)
        app.router.add_get("/{owner}/{name}/resolve/{revision}/{path:.*}", self._redirected)
        app.router.add_get("/cdn/{owner}/{name}/{path:.*}", self._file)
        app.router.add_get("/api/v1/models/{owner}/{name}/repo/files", self._scope)
        app.router.add_get("/models/{owner}/{name}/resolve/master/{path:.*}", self._file)
        return app

    def _repository(self, request: web.Request) -> dict[str, HubFile]:
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        if name not in self.repositories:
            raise web.HTTPNotFound
        if name in self.gated and request.headers.get("Authorization") != f"Bearer {self.token}":
            raise web.HTTPUnauthorized
        return self.repositories[name]

    async def _about(self, request: web.Request) -> web.Response:
        self._repository(request)
        return web.json_response({"sha": "c0ffee"})

    async def _tree(self, request: web.Request) -> web.Response:
        entries = []
        for path, file in self._repository(request).items():
            entry = {"type": "file", "path": path, "size": len(file.content)}
            blob = b"blob %d\0" % len(file.content) + file.content
            entry["oid"] = hashlib.sha1(blob).hexdigest()
            if file.large:
                digest = hashlib.sha256(file.content).hexdigest()
                entry["lfs"] = {"oid": digest, "size": len(file.content), "pointerSize": 134}
            entries.append(entry)
        entries.append({"type": "directory", "path": "onnx"})
        start = int(request.query.get("cursor", 0))
        page = entries[start : start + self.page_size]
        headers = {}
        if start + self.page_size < len(entries):
            following = f"{request.url.with_query(cursor=str(start + self.page_size))}"
            headers["Link"] = f'<{following}>; rel="next"'
        return web.json_response(page, headers=headers)

    async def _scope(self, request: web.Request) -> web.Response:
        files = [
            {
                "Path": path,
                "Size": len(file.content),
                "Type": "blob",
                "Sha256": hashlib.sha256(file.content).hexdigest(),
            }
            for path, file in self._repository(request).items()
        ]
        files.append({"Path": "figures", "Size": 0, "Type": "tree"})
        return web.json_response({"Code": 200, "Data": {"Files": files}})

    async def _redirected(self, request: web.Request) -> web.Response:
        self._repository(request)
        match = request.match_info
        raise web.HTTPFound(f"/cdn/{match['owner']}/{match['name']}/{match['path']}")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        files = self._repository(request)
        path = request.match_info["path"]
        if path not in files:
            raise web.HTTPNotFound
        file = files[path]
        wanted = request.headers.get("Range", "")
        self.asked.append((path, wanted))
        if file.statuses:
            return web.Response(status=file.statuses.pop(0))
        content = file.content if file.instead is None else file.instead
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start >= len(content) > 0:
            return web.Response(status=416)
        reply = web.StreamResponse(status=206 if start else 200)
        reply.content_length = len(content) - start
        if start:
            reply.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        await reply.prepare(request)
        if file.breaks_after:
            await reply.write(content[start : start + file.breaks_after.pop(0)])
            await asyncio.sleep(0)
            assert request.transport is not None
            request.transport.close()
            return reply
        await reply.write(content[start:])
        return reply


@asynccontextmanager
async def serving_hub() -> AsyncGenerator[Hub, None]:
    """A hub on a free port of this machine."""
    hub = Hub()
    runner = web.AppRunner(hub.application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    hub.url = f"http://127.0.0.1:{port}"
    try:
        yield hub
    finally:
        await runner.cleanup()
