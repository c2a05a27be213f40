"""Files of questions: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bot.errors import ConfigError, Problem
from core.language import Later


def questions(path: Path) -> Iterator[tuple[object, str]]:
    """Id and question of each line of a file of JSON objects. Raises `ConfigError`."""
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                key, question = row.get("id"), row.get("question", row.get("query"))
            except (json.JSONDecodeError, AttributeError):
                key, question = None, None
            if not isinstance(question, str):
                wanted = Later('must be a JSON object with "id" and "question"')
                raise ConfigError(Problem(str(path), number, "", wanted))
            yield key, question
