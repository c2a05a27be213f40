"""What Discord refuses in a message: too long, empty, malformed components."""

from __future__ import annotations

from tests.platforms.discord_server.errors import ApiError, invalid_form
from tests.platforms.discord_server.state import Json, StoredFile

MAX_CONTENT, MAX_EMBEDS, MAX_EMBED_TEXT = 2000, 10, 6000
MAX_ROWS, MAX_BUTTONS, MAX_OPTIONS = 5, 5, 25
MAX_ID, MAX_LABEL, MAX_OPTION_TEXT, MAX_PLACEHOLDER = 100, 80, 100, 150
ROW, BUTTON, SELECT = 1, 2, 3
SELECTS = (3, 5, 6, 7, 8)
LINK_STYLE = 5
V2 = 1 << 15
_EMBED_PARTS = {"title": 256, "description": 4096}


def check_length(value: str, path: str, most: int, least: int = 0) -> None:
    """Refuse a text that is too long or too short."""
    if len(value) > most:
        message = f"Must be {most} or fewer in length."
        raise invalid_form(path, "BASE_TYPE_MAX_LENGTH", message)
    if len(value) < least:
        message = f"Must be between {least} and {most} in length."
        raise invalid_form(path, "BASE_TYPE_BAD_LENGTH", message)


def check_message(
    content: str, embeds: list[Json], components: list[Json], files: list[StoredFile]
) -> None:
    """Refuse what Discord would not show."""
    check_length(content, "content", MAX_CONTENT)
    check_embeds(embeds)
    check_components(components)
    if not (content.strip() or embeds or files or components):
        raise ApiError(400, 50006, "Cannot send an empty message")


def check_embeds(embeds: list[Json]) -> None:
    """At most ten, and 6,000 characters over them all."""
    if len(embeds) > MAX_EMBEDS:
        message = f"Must be {MAX_EMBEDS} or fewer in length."
        raise invalid_form("embeds", "BASE_TYPE_MAX_LENGTH", message)
    total = 0
    for number, embed in enumerate(embeds):
        path = f"embeds.{number}"
        for name, most in _EMBED_PARTS.items():
            check_length(embed.get(name) or "", f"{path}.{name}", most)
            total += len(embed.get(name) or "")
        total += _check_corners(embed, path) + _check_fields(embed.get("fields") or [], path)
    if total > MAX_EMBED_TEXT:
        message = f"Embed size exceeds maximum size of {MAX_EMBED_TEXT}"
        raise invalid_form("embeds", "MAX_EMBED_SIZE_EXCEEDED", message)


def _check_corners(embed: Json, path: str) -> int:
    footer = (embed.get("footer") or {}).get("text") or ""
    author = (embed.get("author") or {}).get("name") or ""
    check_length(footer, f"{path}.footer.text", 2048)
    check_length(author, f"{path}.author.name", 256)
    return len(footer) + len(author)


def _check_fields(fields: list[Json], path: str) -> int:
    if len(fields) > 25:
        raise invalid_form(f"{path}.fields", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer.")
    for number, each in enumerate(fields):
        check_length(each["name"], f"{path}.fields.{number}.name", 256, 1)
        check_length(each["value"], f"{path}.fields.{number}.value", 1024, 1)
    return sum(len(each["name"]) + len(each["value"]) for each in fields)


def check_components(rows: list[Json]) -> None:
    """Five rows of five buttons or one select; identifiers once each."""
    if len(rows) > MAX_ROWS:
        raise invalid_form("components", "BASE_TYPE_BAD_LENGTH", "Must be 5 or fewer in length.")
    seen: set[str] = set()
    for number, row in enumerate(rows):
        path = f"components.{number}"
        if row["type"] != ROW:
            message = f'Value of field "type" must be one of ({ROW},).'
            raise invalid_form(f"{path}.type", "UNION_TYPE_CHOICES", message)
        items = row.get("components") or []
        selects = [item for item in items if item["type"] in SELECTS]
        if not 1 <= len(items) <= MAX_BUTTONS or (selects and len(items) > 1):
            message = "The specified component exceeds the maximum width."
            raise invalid_form(f"{path}.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)
        for place, item in enumerate(items):
            _check_item(item, f"{path}.components.{place}", seen)


def _check_item(item: Json, path: str, seen: set[str]) -> None:
    is_link = item["type"] == BUTTON and item.get("style") == LINK_STYLE
    if not is_link:
        custom = item.get("custom_id") or ""
        check_length(custom, f"{path}.custom_id", MAX_ID, 1)
        if custom in seen:
            message = "Component custom id cannot be duplicated"
            raise invalid_form(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", message)
        seen.add(custom)
    if item["type"] == BUTTON:
        check_length(item.get("label") or "", f"{path}.label", MAX_LABEL)
        if not (item.get("label") or item.get("emoji")):
            message = "A button must have a label or emoji"
            raise invalid_form(f"{path}.label", "BUTTON_COMPONENT_INVALID", message)
        if item.get("style") not in range(1, 6):
            raise invalid_form(f"{path}.style", "BASE_TYPE_CHOICES", "Unknown style")
    elif item["type"] == SELECT:
        _check_select(item, path)
    elif item["type"] not in SELECTS:
        raise invalid_form(f"{path}.type", "UNION_TYPE_CHOICES", "Not allowed here")


def _check_select(item: Json, path: str) -> None:
    options = item.get("options") or []
    if not 1 <= len(options) <= MAX_OPTIONS:
        message = f"Must be between 1 and {MAX_OPTIONS} in length."
        raise invalid_form(f"{path}.options", "BASE_TYPE_BAD_LENGTH", message)
    check_length(item.get("placeholder") or "", f"{path}.placeholder", MAX_PLACEHOLDER)
    values = set()
    for number, option in enumerate(options):
        where = f"{path}.options.{number}"
        check_length(option.get("label") or "", f"{where}.label", MAX_OPTION_TEXT, 1)
        check_length(option.get("value") or "", f"{where}.value", MAX_OPTION_TEXT, 1)
        check_length(option.get("description") or "", f"{where}.description", MAX_OPTION_TEXT)
        if option["value"] in values:
            message = "The specified option value is already used"
            raise invalid_form(
                f"{where}.value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message
            )
        values.add(option["value"])
    if sum(bool(option.get("default")) for option in options) > item.get("max_values", 1):
        raise invalid_form(path, "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES", "Too many defaults")
