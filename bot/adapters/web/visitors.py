"""Who uses the console, as the door let them in."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Role: TypeAlias = Literal["operator", "viewer"]
_KEY: Final = "lorekeeper.visitor"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person at a browser."""

    name: str
    role: Role
    logged_in: bool = True
    """False on the machine itself, where no login is asked for."""
    account: str = ""
    """What tells this account from an earlier one of the same name."""

    @property
    def author_id(self) -> str:
        """Whose conversations, verdicts and uploads these are."""
        return self.account or self.name

    @property
    def may_change(self) -> bool:
        return self.role == "operator"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who does something, and in which language they are told what came of it."""

    visitor: Visitor
    locale: str


OPERATOR: Final = Visitor("operator", "operator", logged_in=False)
NOBODY: Final = Visitor("", "viewer", logged_in=False)


def visitor_in(scope: MutableMapping[str, Any]) -> Visitor:
    """Who sent a request; nobody, where the door did not see it."""
    found = scope.get(_KEY, NOBODY)
    return found if isinstance(found, Visitor) else NOBODY


def note_visitor(scope: MutableMapping[str, Any], visitor: Visitor) -> None:
    scope[_KEY] = visitor
