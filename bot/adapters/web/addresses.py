"""What the pages ask of Gradio. It has more to offer than they need; nobody gets that from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.adapters.web.visitors import visitor_in

EXPORTS: Final = "export-"
"""How folders of files begin that were made to be fetched."""
_OWN: Final = "/gradio_api/"
_FILE: Final = "file="
_ASKED: Final = frozenset(
    {
        "app_id",
        "cancel",
        "heartbeat",
        "info",
        "queue",
        "reset",
        "startup-events",
        "theme.css",
        "upload",
        "upload_progress",
    }
)


class Addresses:
    """Answers 404 for whatever no page asks for: other hosts through us, recordings, streams.

    A file is given to operators alone, and only one that was made for them to fetch: what
    somebody has sent is given to nobody.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app = app
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._gives(scope):
            await PlainTextResponse("Not found.\n", 404)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _gives(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if not path.startswith(_OWN):
            return True
        wanted = path.removeprefix(_OWN)
        if wanted.startswith(_FILE):
            exported = is_exported(wanted.removeprefix(_FILE), self._folder)
            return visitor_in(scope).may_change and exported
        return wanted.partition("/")[0] in _ASKED


def is_exported(wanted: str, folder: Path) -> bool:
    """Whether a path names a file that was made to be fetched."""
    real = _real(wanted)
    if real is None or not real.is_file():
        return False
    made = real.parent
    return made.name.startswith(EXPORTS) and made.parent == folder.resolve()


def names_foreign_file(values: object, folder: Path) -> bool:
    """Whether what a page sent names a file that no page can have sent: of the machine, or another.

    Gradio copies such files to where it keeps what was uploaded, and fetches addresses.
    """
    match values:
        case str() | bytes():
            return False
        case Mapping():
            path = values.get("path")
            if isinstance(path, str) and not _is_below(path, folder):
                return True
            return any(names_foreign_file(one, folder) for one in values.values())
        case Sequence():
            return any(names_foreign_file(one, folder) for one in values)
        case _:
            return False


def _is_below(path: str, folder: Path) -> bool:
    real = _real(path)
    return real is not None and real.is_relative_to(folder.resolve())


def _real(path: str) -> Path | None:
    """Where a path leads; None for what is no whole path."""
    if "\0" in path or not Path(path).is_absolute():
        return None
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError):
        return None
