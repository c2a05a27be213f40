"""Greetings, thanks and goodbyes: nothing to look for in documents. Recognised without a model."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from core.language import Words


class Courtesy(Enum):
    """What somebody says who asks nothing."""

    GREETING = auto()
    THANKS = auto()
    ASSENT = auto()
    GOODBYE = auto()


_EVERYBODY: Final = r"(?: (?:there|all|everyone|everybody|bot|again|team))?"
_WORDS: Final = {
    Courtesy.THANKS: (
        r"(?:many |ok |okay |great |perfect |no |yes )?(?:thanks|thank you|thank u|thx|ty|cheers)"
        r"(?: (?:a lot|so much|very much|again|a million|for (?:the|your) (?:help|answer|info)))?"
        rf"{_EVERYBODY}|much appreciated|that helps|that helped|(?:很|非常)?感谢(?:你|您)?|"
        r"(?:好的|好|嗯|明白了|知道了)?(?:谢谢|多谢|谢啦|谢了)(?:你|您|大家|啦|了)?|辛苦了|麻烦(?:你|您)了"
    ),
    Courtesy.GREETING: (
        rf"(?:hi|hello|hey|hiya|greetings|good (?:day|morning|afternoon|evening)){_EVERYBODY}|"
        r"(?:你|您|你们|大家)好[啊呀]?|哈喽|哈啰|嗨|早上好|上午好|中午好|下午好|晚上好|早安|早|在吗|有人吗"
    ),
    Courtesy.ASSENT: (
        r"ok|okay|alright|all right|got it|i see|great|perfect|nice|cool|good|fine|understood|"
        r"好的?|好吧|嗯+|哦+|行|明白了?|知道了|了解了?|懂了|收到|太好了"
    ),
    Courtesy.GOODBYE: (
        r"(?:bye|goodbye|bye bye|see you|see ya|good night|have a (?:nice|good) (?:day|one))"
        rf"{_EVERYBODY}|再见|拜拜|晚安|回头见"
    ),
}
_KINDS: Final = tuple((kind, re.compile(words)) for kind, words in _WORDS.items())
_NO_WORD: Final = re.compile(r"[^\w'’]+|_+")
_HAN: Final = re.compile(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])")
_LONGEST: Final = 60
_MOST_PARTS: Final = 3


def courtesy_of(text: str) -> Courtesy | None:
    """What a text is that is nothing else; None: it may ask something.

    "Hi, thanks!" is both: the last of them counts, but agreeing adds nothing to thanking.
    """
    if len(text) > _LONGEST:
        return None
    parts = [_plain(part) for part in re.split(r"[,.!;，。！；~～…\n]+", text)]
    kinds = [_kind(part) for part in parts if part]
    if not kinds or len(kinds) > _MOST_PARTS:
        return None
    known = [kind for kind in kinds if kind is not None]
    if len(known) < len(kinds):
        whole = _kind(_plain(text))
        known = [whole] if whole is not None else []
    telling = [kind for kind in known if kind is not Courtesy.ASSENT] or known
    return telling[-1] if telling else None


def returned(courtesy: Courtesy, _: Words) -> str:
    """What is said to it."""
    match courtesy:
        case Courtesy.GREETING:
            return _("Hello! Ask me anything about the documents here.")
        case Courtesy.THANKS:
            return _("You are welcome!")
        case Courtesy.ASSENT:
            return _("Good. Ask on whenever you like.")
        case Courtesy.GOODBYE:
            return _("Goodbye!")


def _kind(words: str) -> Courtesy | None:
    return next((kind for kind, known in _KINDS if known.fullmatch(words)), None)


def _plain(text: str) -> str:
    """Its words alone, in small letters; a question mark stays, since it may ask."""
    asks = "?" if re.search(r"[?？]\s*$", text) and not re.search(r"在吗|有人吗", text) else ""
    spaced = _NO_WORD.sub(" ", text.casefold()).strip()
    return _HAN.sub("", spaced) + asks
