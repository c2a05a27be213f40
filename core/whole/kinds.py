"""What can be wanted of whole documents."""

from __future__ import annotations

import re
from enum import StrEnum, auto
from typing import TypeAlias


class Kind(StrEnum):
    """What is wanted of documents."""

    SUMMARY = auto()
    OUTLINE = auto()
    ALL = auto()
    """Everything of one sort."""
    COMPARISON = auto()
    VERSIONS = auto()
    """What became different from one version of a document to the next."""
    INVENTORY = auto()
    """What there is at all; nothing has to be read."""


Reading: TypeAlias = tuple[Kind, bool, re.Pattern[str]]
"""What a question wants that reads like this. True: many ordinary questions read so as well."""
