"""What can be pressed below a reply, as numbers that are typed: `/1`, `/2`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.adapters.terminal.completion import Local
from core.replies import Button, Menu

_NUMBER: Final = re.compile(r"/([0-9]{1,3})", re.ASCII)


class Choices:
    """The buttons of one reply, counted from 1.

    Those that every answer has (their action is a word alone) have commands of their own here.
    """

    def __init__(self, menus: Sequence[Menu] = ()) -> None:
        own = (tuple(one for one in menu.buttons if ":" in one.action) for menu in menus)
        self._rows = tuple(
            (menu, buttons) for menu, buttons in zip(menus, own, strict=True) if buttons
        )
        self._buttons = tuple(button for _menu, buttons in self._rows for button in buttons)

    def lines(self) -> list[str]:
        """A line for each menu: what to type, and what it does; what holds now has a star."""
        told, number = [], 0
        for menu, buttons in self._rows:
            shown = []
            for button in buttons:
                number += 1
                star = "*" if button.action == menu.chosen else ""
                shown.append(f"/{number} {button.label}{star}")
            title = f"{menu.label}: " if menu.label else ""
            told.append(f"  {title}{' · '.join(shown)}")
        return told

    def typed(self, text: str) -> Button | None:
        """The button that is meant; None: there is none of that number now."""
        found = _NUMBER.fullmatch(text)
        place = int(found[1]) - 1 if found else -1
        return self._buttons[place] if 0 <= place < len(self._buttons) else None

    def commands(self) -> tuple[Local, ...]:
        """Each as it is suggested while it is typed."""
        numbered = enumerate(self._buttons, 1)
        return tuple(Local(str(number), f"/{number}", one.label) for number, one in numbered)


def is_number(text: str) -> bool:
    """Whether a button's number was typed, be there such a button or not."""
    return _NUMBER.fullmatch(text) is not None
