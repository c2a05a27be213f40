"""Parameters of a call: form, multipart, JSON or query, with files beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from aiohttp import web

from tests.platforms.telegram_server.errors import ApiError, bad_request

MAX_UPLOAD = 50 * 1024 * 1024


@dataclass(frozen=True)
class Part:
    """A file in a multipart body."""

    filename: str
    media_type: str
    content: bytes


@dataclass
class Parameters:
    """What a bot passed; every value arrives as text and is read by its expected kind."""

    values: dict[str, object] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.values or name in self.parts

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name, default)
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        value = self.values.get(name, default)
        try:
            return int(value)  # type: ignore[call-overload]
        except (TypeError, ValueError):
            raise bad_request(f'parameter "{name}" must be an integer') from None

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in ("true", "1", "yes")

    def data(self, name: str):
        """A JSON value: an object, a list, or None where nothing was passed."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None

    def file(self, name: str) -> Part | str:
        """An uploaded file, or the text (file_id) in its place."""
        if name in self.parts:
            return self.parts[name]
        value = self.text(name)
        if value.startswith("attach://"):
            part = self.parts.get(value.removeprefix("attach://"))
            if part is None:
                raise bad_request("can't find file in the multipart body")
            return part
        return value


async def read(request: web.Request) -> Parameters:
    """The parameters of a request, whatever form they came in."""
    parameters = Parameters(values=dict(request.query))
    if request.method != "POST":
        return parameters
    if request.content_type == "application/json":
        body = await request.json()
        if isinstance(body, dict):
            parameters.values.update(body)
        return parameters
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            content = value.file.read()
            value.file.close()
            if len(content) > MAX_UPLOAD:
                raise ApiError(413, "Request Entity Too Large")
            parameters.parts[name] = Part(value.filename, value.content_type, content)
        else:
            parameters.values[name] = value
    return parameters
