"""Runs of golden questions: what each came to, kept as a file of JSON to be held against the next.

Documented for scripts in docs/evaluation.md; fields are added, never renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Final

from core.golden import Golden
from core.golden_figures import Answered, Groups, figures_of

FOLDER: Final = "golden"
"""Below the data directory."""


class NoRunError(ValueError):
    """A file that no run was written to."""


@dataclass(frozen=True)
class Run:
    """Answers to a set of questions, by one engine over one base."""

    questions: str
    """What the questions are told by: a digest of them and of the base."""
    base: str
    engine: str
    at: str
    """Date and time as ISO 8601 has it."""
    answered: tuple[Answered, ...]

    @cached_property
    def groups(self) -> Groups:
        """Its figures."""
        return figures_of(self.answered)

    def told(self, earlier: Run | None = None) -> Mapping[str, object]:
        """As JSON has it."""
        return {
            "questions": self.questions,
            "base": self.base,
            "engine": self.engine,
            "at": self.at,
            "figures": _plain(self.groups),
            "against": earlier
            and {
                "base": earlier.base,
                "engine": earlier.engine,
                "at": earlier.at,
                "figures": _plain(earlier.groups),
            },
            "answered": [asdict(one) for one in self.answered],
        }


def digest(questions: Sequence[Golden], base: str) -> str:
    """Equal for equal questions over a base of that name."""
    told = json.dumps([base, *(asdict(golden) for golden in questions)], ensure_ascii=False)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]


def load(path: Path) -> Run:
    """Raises `NoRunError`, and `OSError` where there is no such file."""
    try:
        row = json.loads(path.read_bytes())
        answered = tuple(_answered(one) for one in row["answered"])
        told = [str(row[name]) for name in ("questions", "base", "engine", "at")]
        run = Run(told[0], told[1], told[2], told[3], answered)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoRunError(str(path)) from error
    if not answered:
        raise NoRunError(str(path))
    return run


def last(data_dir: Path, questions: str) -> Run | None:
    """What the same questions came to before; None where they were never asked."""
    try:
        return load(data_dir / FOLDER / f"{questions}.json")
    except (OSError, NoRunError):
        return None


def keep(data_dir: Path, run: Run) -> None:
    """For the next time; a run that was kept before is replaced in one step."""
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made, name = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(made, "w", encoding="utf-8", errors="replace") as file:
            json.dump(run.told(), file, ensure_ascii=False)
        Path(name).replace(folder / f"{run.questions}.json")
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _answered(row: Mapping[str, object]) -> Answered:
    """Raises `TypeError`, `KeyError` or `ValueError` for what is none."""
    known = {field.name: row[field.name] for field in fields(Answered) if field.name in row}
    answered = Answered(**known)  # type: ignore[arg-type]
    numbers = (answered.relevance, answered.seconds)
    if not all(isinstance(number, int | float) for number in numbers):
        raise TypeError(numbers)
    return answered


def _plain(groups: Groups) -> dict[str, dict[str, dict[str, float]]]:
    return {
        group: {
            figure.name: {
                "value": round(figure.value, 4),
                "low": round(figure.low, 4),
                "high": round(figure.high, 4),
                "count": figure.count,
            }
            for figure in figures
        }
        for group, figures in groups.items()
    }
