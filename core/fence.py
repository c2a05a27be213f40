"""Others' text as data in a prompt: fenced, labelled, and unable to close its fence.

A model's own control tokens are as dangerous as our fence: several servers read `<|im_end|>` in a
message as the end of that message. What could be either is disarmed by exchanging its bracket for a
look-alike; the rest of the text stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from core.inert import LONGEST_NAME, one_line
from core.issue_dates import issued
from knowledge_base.models import Passage

_ANGLES: Final = "<＜﹤〈«‹⟨"
_SQUARES: Final = "[［"
_TAG: Final = re.compile(
    r"<*/?(?:\||passage|picture|question|history|document|system|sys\b|user\b|assistant\b|human\b|tool|"
    r"think|reasoning|start_of|end_of|begin_of|im_start|im_end|endoftext|fim_|bos\b|eos\b|eoh\b|"
    r"eom\b|eot|pad\b|unk\b|mask\b|inst\b|s>)"
)
_INSTRUCTION: Final = re.compile(
    r"/?(?:inst\b|system_prompt|available_tools|tool_(?:calls|results|content)|gmask)"
)
_BRACKETS: Final = re.compile(f"[{re.escape(_ANGLES + _SQUARES)}]")
_LOOKAHEAD: Final = 48
_LABEL: Final = str.maketrans('"<>', "'‹›")


def disarm(text: str) -> str:
    """The text with every bracket that opens a fence or a control token made harmless."""

    def replaced(bracket: re.Match[str]) -> str:
        following = _plain(text[bracket.end() : bracket.end() + _LOOKAHEAD])
        if bracket.group() in _SQUARES:
            return "⟦" if _INSTRUCTION.match(following) else bracket.group()
        return "‹" if _TAG.match(following) else bracket.group()

    return _BRACKETS.sub(replaced, text)


def label(text: str, longest: int = LONGEST_NAME) -> str:
    """A name for use within a fence's label: one line, no quotation marks, no brackets of tags."""
    return disarm(one_line(text, longest)).translate(_LABEL)


def fenced(number: int, passage: Passage, text: str | None = None) -> str:
    """A passage under its number with what is known of it; `text` stands for a shortened one."""
    chunk, document = passage.chunk, passage.document
    labels = [f'number="{number}"', f'document="{label(document.name)}"']
    if chunk.page is not None:
        labels.append(f'page="{chunk.page}"')
    if chunk.heading:
        labels.append(f'heading="{label(chunk.heading)}"')
    labels.append(f'date="{document.added_at:%Y-%m-%d}"')
    if own := issued(passage):
        labels.append(f'dated="{own}"')
    labels.append(f'version="{document.version}"')
    body = disarm(chunk.text if text is None else text).strip()
    return f"<passage {' '.join(labels)}>\n{body}\n</passage>"


def around_picture(number: int, name: str) -> tuple[str, str]:
    """What stands before and after a picture in a prompt."""
    return f'<picture number="{number}" name="{label(name)}">', "</picture>"


def _plain(text: str) -> str:
    """As a model may read it: compatibility forms folded, what cannot be seen left out."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(
        letter
        for letter in folded
        if not letter.isspace() and unicodedata.category(letter) not in ("Cf", "Cc", "Mn")
    )
