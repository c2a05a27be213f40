"""Bodies of requests: JSON, or a form with JSON and files."""

from __future__ import annotations

import json
import mimetypes
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.multipart import BodyPartReader

from tests.platforms.discord_server.errors import ApiError
from tests.platforms.discord_server.state import Json, Snowflakes, StoredFile

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_FILES = 10


@dataclass(slots=True)
class Body:
    """What a request said, and the files that came with it by their number."""

    data: Any = None
    files: dict[str, StoredFile] = field(default_factory=dict)

    @property
    def fields(self) -> Json:
        """The data where an object is asked for."""
        if not isinstance(self.data, dict):
            raise ApiError(400, 50109, "The request body contains invalid JSON.")
        return self.data


async def read_body(request: web.Request, ids: Snowflakes) -> Body:
    """Read a body of either kind."""
    if request.content_type == "multipart/form-data":
        return await _read_form(request, ids)
    text = await request.text()
    if not text:
        return Body()
    try:
        return Body(json.loads(text))
    except ValueError:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from None


async def _read_form(request: web.Request, ids: Snowflakes) -> Body:
    body = Body({})
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        name = part.name or ""
        if name == "payload_json":
            body.data = json.loads(await part.text())
        elif name.startswith("files["):
            data = bytes(await part.read(decode=False))
            if len(data) > MAX_FILE_BYTES:
                raise ApiError(413, 40005, "Request entity too large")
            filename = part.filename or "unknown"
            kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
            body.files[name[6:-1]] = StoredFile(ids.make(), filename, data, kind)
    if len(body.files) > MAX_FILES:
        raise ApiError(400, 50035, "Invalid Form Body")
    return body


def attachments_after(data: Json, files: dict[str, StoredFile], before: list[StoredFile]):
    """The files of a message once a body is applied: kept ones by identifier, new by number."""
    if "attachments" not in data:
        return [*before, *files.values()]
    kept = {str(file.id): file for file in before}
    found = []
    for each in data["attachments"] or []:
        file = kept.get(str(each["id"])) or files.get(str(each["id"]))
        if file is None:
            raise ApiError(400, 50146, "Attachment data not found")
        file.filename = each.get("filename", file.filename)
        file.description = each.get("description", file.description)
        found.append(file)
    return found
