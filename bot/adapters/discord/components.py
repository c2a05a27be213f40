"""Menus as Discord shows them: rows of buttons, and selects.

What is pressed comes back by its `custom_id`, which is the core's action and nothing else: no
object of ours has to be alive, so that buttons work after a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import discord
from discord import ui

from core.replies import Button, Menu

_ROWS: Final = 5
_IN_ROW: Final = 5
_IN_SELECT: Final = 25
_LONGEST_BUTTON: Final = 80
_LONGEST_OPTION: Final = 100
_LONGEST_PLACEHOLDER: Final = 150
_STYLES: Final = {
    "plain": discord.ButtonStyle.secondary,
    "good": discord.ButtonStyle.success,
    "danger": discord.ButtonStyle.danger,
}


def view_of(menus: Sequence[Menu]) -> ui.View | None:
    """The menus as far as Discord shows them: five rows; None where there are none."""
    rows = list(islice(_rows(menus), _ROWS))
    if not rows:
        return None
    view = ui.View(timeout=None)
    for number, row in enumerate(rows):
        for item in row:
            item.row = number
            view.add_item(item)
    # Stopped: the SDK would keep every view in memory, waiting for presses that come to us anyway.
    view.stop()
    return view


def _rows(menus: Sequence[Menu]) -> Iterator[list[ui.Item[ui.View]]]:
    for number, menu in enumerate(menus):
        if menu.label is None:
            for row in _pieces(menu.buttons, _IN_ROW):
                yield [_button(button) for button in row]
        else:
            for part, options in enumerate(_pieces(menu.buttons, _IN_SELECT)):
                yield [_select(menu, options, f"menu:{number}.{part}")]


def _pieces(buttons: Sequence[Button], size: int) -> Iterator[Sequence[Button]]:
    return (buttons[start : start + size] for start in range(0, len(buttons), size))


def _button(button: Button) -> ui.Item[ui.View]:
    label = _clipped(button.label, _LONGEST_BUTTON)
    return ui.Button(style=_STYLES[button.style], label=label, custom_id=button.action)


def _select(menu: Menu, options: Sequence[Button], custom_id: str) -> ui.Item[ui.View]:
    return ui.Select(
        custom_id=custom_id,
        placeholder=_clipped(menu.label or "", _LONGEST_PLACEHOLDER),
        options=[
            discord.SelectOption(
                label=_clipped(option.label, _LONGEST_OPTION),
                value=option.action,
                default=option.action == menu.chosen,
            )
            for option in options
        ],
    )


def action_of(interaction: discord.Interaction) -> str | None:
    """The action that was pressed or chosen; None for what is no press."""
    pressed = interaction.data
    if interaction.type is not discord.InteractionType.component or pressed is None:
        return None
    values = pressed.get("values")
    if isinstance(values, list):
        return str(values[0]) if values else None
    return str(pressed.get("custom_id", "")) or None


def _clipped(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
