"""What a verification of a base found, in sentences."""

from __future__ import annotations

from typing import Final, assert_never

from core.inert import inert
from core.language import N_, Words
from knowledge_base.problems import (
    Damage,
    Kept,
    LostIndexFile,
    LostOriginal,
    Miscounted,
    Problem,
    TornDocument,
    WithoutVectors,
)

_MISCOUNTED: Final = {
    Kept.PASSAGES: N_("passages stored: {found}, where {wanted} should be"),
    Kept.WORDS: N_("passages whose words are stored: {found}, where {wanted} should be"),
    Kept.VECTORS: N_("vectors stored: {found}, where {wanted} should be"),
    Kept.INDEXED_VECTORS: N_("vectors in the index: {found}, where {wanted} should be"),
    Kept.INDEXED_WORDS: N_("passages in the index of words: {found}, where {wanted} should be"),
}


def told(problem: Problem, _: Words) -> str:
    """One line, with what mends it where that is known."""
    match problem:
        case Miscounted(kept, found, wanted):
            return _(_MISCOUNTED[kept], found=found, wanted=wanted)
        case TornDocument(name, found, wanted):
            return _("{name} has {found} of its {wanted} passages: add the same file again",
                     name=inert(name), found=found, wanted=wanted)  # fmt: skip
        case LostOriginal(name):
            return _("the original of {name} is missing or damaged: add the same file again",
                     name=inert(name))  # fmt: skip
        case LostIndexFile(name):
            return _("the index file {name} is missing or damaged", name=inert(name))
        case WithoutVectors(passages):
            return _.plural(
                "{count} passage was added without a vector",
                "{count} passages were added without vectors",
                passages,
            )
        case Damage(text):
            return inert(text)
        case _:
            assert_never(problem)
