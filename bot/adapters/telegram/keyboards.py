"""Menus as inline keyboards. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import KeyboardButtonStyle

from bot.adapters.telegram.render import width_of
from bot.adapters.telegram.translate import NOTHING
from core.replies import Button, Menu

_ROW_WIDTH: Final = 32
"""What fits beside each other on a telephone, in columns of text."""
_MOST_IN_A_ROW: Final = 8
_STYLES: Final = {
    "plain": None,
    "good": KeyboardButtonStyle.SUCCESS,
    "danger": KeyboardButtonStyle.DANGER,
}


def keyboard(menus: Sequence[Menu]) -> InlineKeyboardMarkup | None:
    """The rows of all menus; a choice has its label above it and its buttons in as many rows as
    they need."""
    rows: list[list[InlineKeyboardButton]] = []
    for menu in menus:
        if menu.label is not None:
            rows.append([InlineKeyboardButton(menu.label, callback_data=NOTHING)])
        for row in _rows(menu):
            rows.append([_button(button, menu) for button in row])  # noqa: PERF401
    return InlineKeyboardMarkup(rows) if rows else None


def _rows(menu: Menu) -> Iterator[list[Button]]:
    row: list[Button] = []
    used = 0
    for button in menu.buttons:
        wide = width_of(button.label) + 4
        crowded = len(row) >= _MOST_IN_A_ROW or (
            menu.label is not None and used + wide > _ROW_WIDTH
        )
        if row and crowded:
            yield row
            row, used = [], 0
        row.append(button)
        used += wide
    if row:
        yield row


def _button(button: Button, menu: Menu) -> InlineKeyboardButton:
    chosen = menu.chosen is not None and button.action == menu.chosen
    label = f"✓ {button.label}" if chosen else button.label
    return InlineKeyboardButton(label, callback_data=button.action, style=_STYLES[button.style])
