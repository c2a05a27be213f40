"""Whether a thread says of itself that its question is answered, by a tag or its title. Pure."""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = (
    r"solved|resolved|answered|closed|fixed|done|completed?|已解决|已解決|已回答|已答复|已完成|已关闭|"
    r"已關閉|已处理|已處理|解决了|解決|解决"
)
_TAG: Final = re.compile(rf"(?i)(?:{_WORDS})")
_TITLE: Final = re.compile(
    rf"(?i)^\s*(?:✅|☑️?|✔️?)|^\s*[\[【(（<「]\s*(?:{_WORDS})\s*[\]】)）>」]"
    rf"|[\[【(（<「]\s*(?:{_WORDS})\s*[\]】)）>」]\s*$"
)
_AROUND: Final = re.compile(r"^[\W_]+|[\W_]+$")


def means_solved(tag: str) -> bool:
    """Whether a tag of that name marks what is settled; "unsolved" does not."""
    return _TAG.fullmatch(_AROUND.sub("", tag)) is not None


def is_solved(title: str) -> bool:
    """Whether a title begins or ends with such a mark: "[Solved] …", 「【已解决】…」, "✅ …"."""
    return _TITLE.search(title) is not None
