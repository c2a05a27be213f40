"""Forms as Discord shows them: dialogs, told apart by what their `custom_id` says.

No object of ours has to be alive when one is sent off, so that dialogs outlive a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import discord
from discord import ui

from core.forms import FORM, LONGEST_LABEL, LONGEST_TITLE, LONGEST_VALUE, MOST_FIELDS, TOKEN
from core.replies import Form, FormField

_PRIVATE: Final = "private"
_STYLES: Final = {"short": discord.TextStyle.short, "long": discord.TextStyle.paragraph}


@dataclass(frozen=True, slots=True)
class SentForm:
    """A dialog that somebody filled in and sent off."""

    options: Mapping[str, str]
    """Of the command `FORM`."""
    private: bool


def dialog_of(form: Form) -> ui.Modal:
    """The dialog for an opened form."""
    key = [FORM, form.token, *([_PRIVATE] if form.private else [])]
    dialog = ui.Modal(
        title=_clipped(form.title, LONGEST_TITLE), timeout=None, custom_id=":".join(key)
    )
    for field in form.fields[:MOST_FIELDS]:
        dialog.add_item(
            ui.Label(text=_clipped(field.label, LONGEST_LABEL), component=_input(field))
        )
    # Stopped: the SDK would keep it in memory, waiting for what comes to us anyway.
    dialog.stop()
    return dialog


def sent_form(interaction: discord.Interaction) -> SentForm | None:
    """The dialog that was sent off; None for what is none of ours."""
    sent = interaction.data
    if interaction.type is not discord.InteractionType.modal_submit or sent is None:
        return None
    form, _, rest = str(sent.get("custom_id", "")).partition(":")
    token, _, private = rest.partition(":")
    if form != FORM or not token:
        return None
    parts = sent.get("components")
    values = dict(_values(parts if isinstance(parts, list) else []))
    return SentForm({**values, TOKEN: token}, private == _PRIVATE)


def _input(field: FormField) -> ui.TextInput[ui.View]:
    longest = min(field.max_length, LONGEST_VALUE)
    return ui.TextInput(
        custom_id=field.name,
        style=_STYLES[field.kind],
        default=field.value[:longest] or None,
        required=field.required,
        max_length=longest,
    )


def _values(parts: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Fields by name, in either of Discord's layouts."""
    for part in parts:
        match part:
            case {"type": 1, "components": list(inside)}:
                yield from _values(inside)
            case {"type": 18, "component": inside}:
                yield from _values([inside])
            case {"custom_id": str(name), "value": str(value)}:
                yield name, value
            case _:
                pass


def _clipped(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
