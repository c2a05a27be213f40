"""The buttons of an answer: what their actions are called, and what they read. Pure.

An action is a word, or a word and the id of one of our messages after a colon; other modules have
words of their own ("set:", "admit:", …), which `core.actions` hands on to them.
"""

from __future__ import annotations

from typing import Final

from core.language import Words
from core.replies import Button, Menu, Sources

STOP: Final = "stop"
SOURCES: Final = "sources"
UP: Final = "up"
DOWN: Final = "down"
MORE: Final = "more"
REGENERATE: Final = "regenerate"
CORRECT: Final = "correct"
"""Opens a form in which moderators say what the answer is."""
DELETE: Final = "delete"
"""Asks whether it is meant."""
DELETE_NOW: Final = "delete-now"

TEAM: Final = "team"
"""Asks the people who help here."""

LONGEST_ACTION: Final = 40
"""Characters that every platform carries."""


def stop_menu(_: Words) -> Menu:
    """Below a reply that is being written, or waits."""
    return Menu((Button(STOP, _("Stop"), "danger"),))


def again_menu(_: Words) -> Menu:
    """Below an answer that did not come to its end."""
    return Menu((Button(REGENERATE, _("Ask again")),))


def answer_menu(sources: Sources, _: Words) -> Menu:
    """Below an answer; without passages there is nothing to show, nor to judge."""
    more = Button(MORE, "⋯")
    if not sources.passages:
        return Menu((more,))
    return Menu((Button(SOURCES, _("Sources")), Button(UP, "👍"), Button(DOWN, "👎"), more))


def team_menu(_: Words, message_id: str = "") -> Menu:
    """Below an answer that did not help; elsewhere with the id of the message it is about."""
    return Menu((_ask_team(message_id, _),))


def more_menu(
    message_id: str, _: Words, *, asks_team: bool = False, corrects: bool = False
) -> Menu:
    """What the asker and moderators can do with the answer that this message of ours is part of."""
    return Menu(
        (
            Button(f"{REGENERATE}:{message_id}", _("Answer anew")),
            *((Button(f"{CORRECT}:{message_id}", _("Correct")),) if corrects else ()),
            *((_ask_team(message_id, _),) if asks_team else ()),
            Button(f"{DELETE}:{message_id}", _("Delete"), "danger"),
        )
    )


def delete_menu(message_id: str, _: Words) -> Menu:
    """Deleting asks first."""
    return Menu((Button(f"{DELETE_NOW}:{message_id}", _("Yes, delete it"), "danger"),))


def _ask_team(message_id: str, _: Words) -> Button:
    return Button(f"{TEAM}:{message_id}" if message_id else TEAM, _("Ask the team"))
