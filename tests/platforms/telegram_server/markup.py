"""Parse modes."""

from __future__ import annotations

from tests.platforms.telegram_server.errors import bad_request


def parse(text: str, mode: str) -> tuple[str, list[dict]]:
    """The text without its markup, and the entities that the markup meant."""
    raise bad_request("unsupported parse_mode")
