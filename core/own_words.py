"""Which language an answer's own words are in: what it quotes word for word speaks its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from core.language import has_letters, is_in
from knowledge_base.sentences import sentences
from knowledge_base.terms import normalise

_MARKER: Final = re.compile(r"\[\d+\]")
_QUOTE_SIGN: Final = re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE)
_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_LETTER: Final = re.compile(r"[^\W_]")
_SURELY: Final = 60
"""Weight of letters from which on what is said so far tells the language; see `_weight`."""
_HARDLY: Final = 12
"""Below it a whole answer is a name or a number, and no language."""
_NAMES_LANGUAGE: Final = re.compile(
    r"(?i)\b(?:translat\w*|chinese|mandarin|english|japanese|korean|french|german|spanish|russian|"
    r"italian|portuguese|arabic|hindi|thai|vietnamese|greek|hebrew)\b|翻译|译[成为]|[中英日韩法德俄]文|"
    r"[汉英日韩法德俄]语|西班牙语|普通话"
)
_HAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_HAN_WEIGHT: Final = 3


class Tongue:
    """Whether an answer speaks one language, whatever it quotes."""

    def __init__(self, language: str, quoted: Iterable[str] = ()) -> None:
        self._language = language
        self._quoted = tuple(quoted)
        self._folded: tuple[str, ...] | None = None

    def own(self, text: str) -> str:
        """Without code, and without the sentences that stand word for word in what is quoted."""
        if self._folded is None:
            self._folded = tuple(map(_folded, self._quoted))
        plain = _QUOTE_SIGN.sub("", _MARKER.sub("", _CODE.sub(" ", text)))
        said = (sentence.text.strip() for sentence in sentences(plain))
        return "\n".join(own for own in said if not self._is_quoted(own))

    def speaks(self, text: str) -> bool:
        """Nothing but quotations speaks their language; what has no letters speaks every one."""
        own = self.own(text)
        return is_in(own if has_letters(own) else text, self._language)

    def strays(self, text: str, *, so_far: bool = False) -> bool:
        """Whether it is surely in another language; `so_far`: more of it is to come."""
        own = self.own(text)
        return _weight(own) >= (_SURELY if so_far else _HARDLY) and not is_in(own, self._language)

    def _is_quoted(self, sentence: str) -> bool:
        folded = _folded(sentence)
        return not folded or any(folded in text for text in self._folded or ())


def wants_another(question: str) -> bool:
    """Whether a question names a language: the answer may well have to be in that one."""
    return _NAMES_LANGUAGE.search(question) is not None


def _folded(text: str) -> str:
    return "".join(_LETTER.findall(normalise(text)))


def _weight(text: str) -> int:
    """Letters, a character of Han or kana for several."""
    han = len(_HAN.findall(text))
    return len(_LETTER.findall(text)) - han + _HAN_WEIGHT * han
