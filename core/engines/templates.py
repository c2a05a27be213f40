"""Chat templates for families of models that ship none, as they were published."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "templates"
_FAMILIES: Final = (
    ("vicuna", re.compile(r"vicuna")),
    ("chatglm2-6b", re.compile(r"chatglm[-_]?[23]")),
    ("chatglm-6b", re.compile(r"chatglm")),
    ("moss", re.compile(r"(?:^|[^a-z])moss(?:[^a-z]|$)")),
    ("rwkv-world", re.compile(r"rwkv")),
    ("llama-2-chat", re.compile(r"llama[-_]?2.*chat")),
    ("alpaca", re.compile(r"alpaca")),
)
"""Which of ours a model's name or type calls for, tried in this order."""


_STOPS: Final[Mapping[str, tuple[str, ...]]] = {
    "vicuna": ("USER:",),
    "chatglm-6b": ("[Round ",),
    "chatglm2-6b": ("[Round ",),
    "moss": ("<eom>", "<eoh>"),
    "rwkv-world": ("\n\nUser:", "\n\nSystem:"),
    "alpaca": ("\n\n### Instruction:",),
}
"""What a model of the family writes when it goes on with the next turn by itself."""


def names() -> tuple[str, ...]:
    """Of our templates, as `engine.chat_template` takes them."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.jinja")))


def read_template(wanted: str) -> str:
    """One of ours by its name, or a file. Raises `OSError` and `UnicodeDecodeError`."""
    path = FOLDER / f"{wanted}.jinja" if wanted in names() else Path(wanted).expanduser()
    return path.read_text(encoding="utf-8")


def stops_of(wanted: str | None) -> tuple[str, ...]:
    """Texts that end an answer written after one of ours."""
    return _STOPS.get(wanted or "", ())


def template_for(*hints: str) -> str | None:
    """The name of ours for a model with this name or type, if there is one."""
    told = " ".join(hints).casefold()
    return next((name for name, family in _FAMILIES if family.search(told)), None)
