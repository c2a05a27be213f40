"""Modals: what Discord refuses in one, and what a person fills in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.platforms.discord_server.errors import invalid_form
from tests.platforms.discord_server.state import Json
from tests.platforms.discord_server.validation import SELECTS, check_length

ROW, TEXT_INPUT, TEXT_DISPLAY, LABEL, UPLOAD = 1, 4, 10, 18, 19
_MOST_PARTS = 5


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a modal."""

    label: str
    item: Json

    @property
    def custom_id(self) -> str:
        """The name under which its value is told."""
        return str(self.item["custom_id"])

    @property
    def is_required(self) -> bool:
        """Whether it must be filled in; so unless said otherwise."""
        return bool(self.item.get("required", True))


@dataclass(frozen=True, slots=True)
class Modal:
    """A modal as a person sees it."""

    data: Json

    @property
    def title(self) -> str:
        """The heading."""
        return str(self.data["title"])

    @property
    def fields(self) -> list[Field]:
        """The fields from top to bottom."""
        return list(fields_of(self.data))


def fields_of(modal: Json) -> Iterator[Field]:
    """The fields of either layout: rows of text inputs, or labels with any component."""
    for part in modal["components"]:
        if part["type"] == ROW:
            for item in part["components"]:
                yield Field(item.get("label") or "", item)
        elif part["type"] == LABEL:
            yield Field(part["label"], part["component"])


def check_modal(modal: Json) -> None:
    """Refuse a modal that Discord would not show."""
    check_length(modal.get("title") or "", "data.title", 45, 1)
    check_length(modal.get("custom_id") or "", "data.custom_id", 100, 1)
    parts = modal.get("components") or []
    if not 1 <= len(parts) <= _MOST_PARTS:
        said = "Must be between 1 and 5 in length."
        raise invalid_form("data.components", "BASE_TYPE_BAD_LENGTH", said)
    seen: set[str] = set()
    for number, part in enumerate(parts):
        path = f"data.components.{number}"
        if part["type"] == ROW and len(part["components"]) != 1:
            raise invalid_form(path, "BASE_TYPE_BAD_LENGTH", "Must be 1 in length.")
        if part["type"] not in (ROW, LABEL, TEXT_DISPLAY):
            raise invalid_form(f"{path}.type", "UNION_TYPE_CHOICES", "Not allowed here")
        if part["type"] == LABEL:
            check_length(part.get("description") or "", f"{path}.description", 100)
        for field in fields_of({"components": [part]}):
            _check_field(field, path, seen)


def _check_field(field: Field, path: str, seen: set[str]) -> None:
    item = field.item
    check_length(field.label, f"{path}.label", 45, 1)
    check_length(item.get("custom_id") or "", f"{path}.custom_id", 100, 1)
    if item["custom_id"] in seen:
        said = "Component custom id cannot be duplicated"
        raise invalid_form(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", said)
    seen.add(item["custom_id"])
    if item["type"] == TEXT_INPUT:
        check_length(item.get("placeholder") or "", f"{path}.placeholder", 100)
        check_length(item.get("value") or "", f"{path}.value", item.get("max_length") or 4000)
    elif item["type"] in SELECTS and len(item.get("options") or []) > 25:
        raise invalid_form(f"{path}.options", "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer.")


def filled(modal: Json, values: Mapping[str, object]) -> list[Json]:
    """The components as they are told on submission; values by identifier or label.

    `ValueError` says which value a client would not take.
    """
    left = dict(values)
    told = []
    for number, part in enumerate(modal["components"]):
        made = [_filled(field, left) for field in fields_of({"components": [part]})]
        key = part.get("id", number + 1)
        if part["type"] == ROW:
            told.append({"type": ROW, "id": key, "components": made})
        elif part["type"] == LABEL:
            told.append({"type": LABEL, "id": key, "component": made[0]})
        else:
            told.append({"type": part["type"], "id": key})
    if left:
        raise ValueError(f"the modal has no field {sorted(left)}")
    return told


def _filled(field: Field, left: dict[str, object]) -> Json:
    item = field.item
    given = left.pop(field.custom_id, left.pop(field.label, None))
    made: Json = {"type": item["type"], "id": item.get("id", 0), "custom_id": field.custom_id}
    if item["type"] == TEXT_INPUT:
        text = str(item.get("value") or "" if given is None else given)
        if field.is_required and not text:
            raise ValueError(f"{field.label!r} must be filled in")
        least, most = item.get("min_length") or 0, item.get("max_length") or 4000
        if text and not least <= len(text) <= most:
            raise ValueError(f"{field.label!r} takes {least} to {most} characters")
        return made | {"value": text}
    values = [given] if isinstance(given, str) else list(given or [])  # type: ignore[call-overload]
    if item["type"] == 3:
        offered = {option["value"] for option in item["options"]}
        defaults = [option["value"] for option in item["options"] if option.get("default")]
        values = defaults if given is None else values
        if set(values) - offered:
            raise ValueError(f"{field.label!r} does not offer {values}")
    if field.is_required and not values:
        raise ValueError(f"{field.label!r} must be filled in")
    return made | {"values": values}
