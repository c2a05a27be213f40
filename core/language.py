"""Languages: which one a text is in, and our own sentences in it.

A language is one file, `core/locale/<tag>/LC_MESSAGES/lorekeeper.po`, read as it stands; English is
in the code. A sentence that a catalogue lacks is shown in English.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final, TypeAlias

LOCALES: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "lorekeeper"

_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_SCRIPTS: Final = (
    ("ja", re.compile(r"[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9d]")),
    ("ko", re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")),
    ("ru", re.compile(r"[\u0400-\u052f]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff\u0750-\u077f]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_TOLD: Final = frozenset(("zh", *(code for code, _ in _SCRIPTS)))
"""Languages that are told by their script; all others are taken for written in Latin letters."""
_LATIN_WORD: Final = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['’][A-Za-z]+)?")
_ENGLISH_GRAMMAR: Final = re.compile(
    r"(?i)(?<![a-z])(?:"
    "a an and any are at be by can could do does did for from had has have how i if in is it many "
    "may me much must my of on or our shall should tell the their there they this that to was we "
    "were what when where which who whose why will with would you your".replace(" ", "|")
    + r")(?![a-z])"
)
_CHINESE_GRAMMAR: Final = re.compile(
    r"什么|怎么|如何|哪|谁|多少|几|为何|是否|吗|呢|嗎|甚麼|怎麼|的|了|在|是|有|和|与|或|不|请|能|可以|会|要|从|到|对"
)


def language_of(text: str) -> str:
    """The language that a text is written in, told by its script and, where mixed, its grammar.

    Codes of two letters; "en" stands for everything in Latin letters and for what has no letters.
    """
    han = len(_HAN.findall(text))
    latin = _LATIN_WORD.findall(text)
    for code, script in _SCRIPTS:
        letters = len(script.findall(text))
        # Japanese mixes in Han; a single の in a Chinese shop's name does not make it Japanese.
        if letters and letters * 3 >= han and letters * 2 >= len(latin):
            return code
    if not han:
        return "en"
    if latin:
        english = len(_ENGLISH_GRAMMAR.findall(text))
        chinese = len(_CHINESE_GRAMMAR.findall(text))
        if english != chinese:
            return "en" if english > chinese else "zh"
        return "zh" if han >= 1.5 * len(latin) else "en"
    return "zh"


def has_letters(text: str) -> bool:
    """Whether it is in any language at all."""
    return any(letter.isalpha() for letter in text)


def is_in(text: str, language: str) -> bool:
    """Whether a text is in a language, as far as scripts tell: of two that are written in Latin
    letters it may be either. What has no letters is in every language."""
    if not has_letters(text):
        return True
    return language_of(text) == (language if language in _TOLD else "en")


class Words:
    """Our sentences in one language; call it `_`, as catalogues' tools expect."""

    def __init__(self, language: str, translations: gettext.NullTranslations) -> None:
        self.language = language
        self._translations = translations

    def __call__(self, message: str, /, **facts: object) -> str:
        """The sentence with its facts filled in."""
        return self._translations.gettext(message).format(**facts)

    def plural(self, one: str, many: str, /, count: int, **facts: object) -> str:
        """The sentence in the form that `count` takes; the count is filled in as a fact."""
        return self._translations.ngettext(one, many, count).format(count=count, **facts)


def N_(message: str) -> str:  # noqa: N802
    """Mark a sentence for the catalogues where it is declared, long before it is said."""
    return message


Told: TypeAlias = str | Callable[[Words], str]
"""A sentence in each language, or in one: whoever reads it later has their own."""


class Later:
    """A sentence of which it is not known yet in what language it will be read."""

    def __init__(self, message: str, /, **facts: object) -> None:
        """Facts may themselves be said later."""
        self.message = message
        self.facts = facts

    def __call__(self, _: Words) -> str:
        """The sentence in these words."""
        facts = {name: fact(_) if callable(fact) else fact for name, fact in self.facts.items()}
        return _(self.message, **facts)

    def __str__(self) -> str:
        """In English, for the log."""
        return self(_english())


def told(sentence: Told, _: Words) -> str:
    """It in one language."""
    return sentence if isinstance(sentence, str) else sentence(_)


def words(language: str | None) -> Words:
    """The sentences of a language tag such as "zh", "zh-CN" or "en_GB"; English where unknown."""
    folder = _folder(language or "en")
    if folder is None:
        return _english()
    return _catalogue(folder)


def answering_words(question: str, locale: str | None) -> Words:
    """Our sentences within an answer: in the language that it is given in, where we have that, so
    that one message is in one language; else in the asker's."""
    is_ours = question.lower().startswith("en") or _folder(question) is not None
    return words(question if is_ours else locale)


def every_words() -> tuple[Words, ...]:
    """Our sentences in each language that we have."""
    folders = sorted(file.parents[1].name for file in LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))
    return (_english(), *map(_catalogue, folders))


@cache
def _english() -> Words:
    return Words("en", gettext.NullTranslations())


@lru_cache(maxsize=256)
def _folder(tag: str) -> str | None:
    """The catalogue for a tag: the exact one, else the first of the same language."""
    wanted = tag.replace("-", "_").lower()
    have = sorted(file.parents[1].name for file in LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))
    exact = [name for name in have if name.lower() == wanted]
    same = [name for name in have if name.lower().split("_")[0] == wanted.split("_")[0]]
    return next(iter(exact + same), None)


@cache
def _catalogue(folder: str) -> Words:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (LOCALES / folder / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        catalogue = read_po(file, locale=folder)
    # gettext reads compiled catalogues only; compiling in memory keeps binaries out of the tree.
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Words(folder.split("_")[0], gettext.GNUTranslations(compiled))
