"""Whom a channel's questions go to when somebody asks the team: a place, a role. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WRITTEN = re.compile(
    r"(?:(?P<channel>-?[A-Za-z0-9]+)(?:/(?P<thread>[A-Za-z0-9]+))?)?(?:(?:^|\s+)@(?P<role>[0-9]+))?"
)
_ROLE = re.compile(r"<@&([0-9]{1,24})>")


@dataclass(frozen=True, slots=True)
class Helpers:
    """Where helpers read and which role is told; without a place, they are told where it is asked.

    As text: "42", "42/7" (a topic or thread), "42 @9" (and a role), "@9".
    """

    channel_id: str | None = None
    thread_id: str | None = None
    role_id: str | None = None

    def __str__(self) -> str:
        place = self.channel_id or ""
        if self.thread_id is not None:
            place += f"/{self.thread_id}"
        return " ".join(part for part in (place, self.role_id and f"@{self.role_id}") if part)


def helpers_of(text: str) -> Helpers | None:
    """What `str` made of helpers; None where it is nothing of the kind."""
    found = _WRITTEN.fullmatch(text)
    if not text or found is None:
        return None
    return Helpers(found["channel"], found["thread"], found["role"])


def typed(text: str) -> tuple[str, str | None]:
    """What somebody typed, as the words for a place and the id of the role mentioned there."""
    role = _ROLE.search(text)
    return _ROLE.sub(" ", text).strip(), role[1] if role else None
