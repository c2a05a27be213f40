"""The templates of prompts: files that are read and tried before the first question.

They are `prompts/answer.<language>.jinja`, and an operator's folder goes before ours. A broken one
is refused at the start and not in the middle of a question.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import PromptTemplateError
from core.events import Turn
from core.fence import disarm, fenced, label
from core.language import words
from knowledge_base.models import (
    BaseId,
    Chunk,
    ChunkId,
    Document,
    DocumentId,
    DocumentState,
    Passage,
)

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

OURS: Final = Path(__file__).parent / "prompts"
REQUIRED: Final = ("passages", "question")


@dataclass(frozen=True, slots=True)
class PassageView:
    """A passage as templates see it."""

    number: int
    document: str
    page: int | None
    heading: str | None
    date: str
    version: int
    text: str
    fenced: str

    def __str__(self) -> str:
        return self.fenced


@dataclass(frozen=True, slots=True)
class Filling:
    """What stands in a prompt, made harmless already."""

    passages: Sequence[PassageView]
    question: str
    history: Sequence[Turn]
    persona: str
    today: str
    pictures: int


KNOWN: Final = tuple(field.name for field in fields(Filling))


@dataclass(frozen=True, slots=True)
class AnswerTemplate:
    """One that was tried."""

    template: Template
    shows_history: bool
    """Else the turns are messages of their own."""

    def filled(self, filling: Filling) -> tuple[str, str]:
        """System and user message; a template without blocks is all user message."""
        return _render(self.template, filling)


class Templates:
    """One for each language. Raises `PromptTemplateError` when made with one that is off."""

    def __init__(self, folder: Path | None = None) -> None:
        environment = _environment()
        self._by_language: dict[str, AnswerTemplate] = {}
        for path in (*sorted(OURS.glob("answer.*.jinja")), *_own(folder)):
            language = path.name.split(".")[1]
            self._by_language[language] = _load(path, environment)
            words(language)  # Its catalogue is read now and not during the first question.

    def of(self, language: str) -> AnswerTemplate:
        """English stands in for languages that have none."""
        return self._by_language.get(language, self._by_language["en"])


def view_of(number: int, passage: Passage, part: str | None) -> PassageView:
    """Of the passage, or of a part of its text."""
    chunk, document = passage.chunk, passage.document
    return PassageView(
        number=number,
        document=label(document.name),
        page=chunk.page,
        heading=label(chunk.heading) if chunk.heading else None,
        date=f"{document.added_at:%Y-%m-%d}",
        version=document.version,
        text=disarm(chunk.text if part is None else part),
        fenced=fenced(number, passage, part),
    )


def _own(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    found = sorted(folder.glob("answer.*.jinja"))
    if not found:
        raise PromptTemplateError(str(folder), 0)
    return found


def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # The prompt is text for a model and no HTML: escaping would spoil it.
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def _render(template: Template, filling: Filling) -> tuple[str, str]:
    values = {field.name: getattr(filling, field.name) for field in fields(filling)}
    blocks = template.blocks
    if "user" not in blocks:
        return "", template.render(**values).strip()
    system, user = (
        "".join(blocks[name](template.new_context(values))).strip() if name in blocks else ""
        for name in ("system", "user")
    )
    return system, user


def _load(path: Path, environment: SandboxedEnvironment) -> AnswerTemplate:
    from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes

    try:
        source = path.read_text(encoding="utf-8")
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        raise PromptTemplateError(str(path), error.lineno) from error
    except UnicodeDecodeError as error:
        raise PromptTemplateError(
            str(path), error.object.count(b"\n", 0, error.start) + 1
        ) from error
    used = meta.find_undeclared_variables(tree)
    for name in tree.find_all(nodes.Name):
        if name.name in used and name.name not in KNOWN:
            near = tuple(difflib.get_close_matches(name.name, KNOWN, 1))
            raise PromptTemplateError(str(path), name.lineno, unknown=name.name, near=near)
    missing = tuple(name for name in REQUIRED if name not in used)
    if missing:
        last = max(1, len(source.splitlines()))
        raise PromptTemplateError(str(path), last, missing=missing)
    template = environment.from_string(source)
    try:
        _render(
            template,
            Filling(
                passages=[view_of(1, _EXAMPLE, None)],
                question="?",
                history=[Turn("user", "?"), Turn("assistant", "!")],
                persona="",
                today="",
                pictures=1,
            ),
        )
    except (
        TemplateError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as e:
        frames = traceback.extract_tb(e.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == "<template>"]
        raise PromptTemplateError(str(path), (lines or [1])[-1] or 1) from e
    return AnswerTemplate(template, "history" in used)


_EXAMPLE: Final = Passage(
    Chunk(ChunkId(0), DocumentId(0), 0, "text", "heading", 1),
    Document(
        DocumentId(0),
        BaseId(0),
        "name",
        DocumentState.READY,
        version=1,
        sha256="",
        size=0,
        media_type="",
        passages=1,
        added_at=datetime(2000, 1, 1, tzinfo=UTC),
    ),
    relevance=1.0,
)
"""What a template is tried on when it is loaded."""
