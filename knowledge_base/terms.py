"""Text -> terms: what the lexical leg counts.

Folded by NFKC, case, traditional -> simplified Chinese and digits of every script. Scripts that put
spaces between words give words, each also without its accents and, where it is long, as its
first five letters (truncation instead of stemming: it needs to know no language; McNamee and
Mayfield 2004). Scripts without spaces, and Hangul, give pairs of characters; Han and Hangul single
ones too. A term is kept as a 64-bit hash that is the same in every process.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TERMS_VERSION = 2
"""First byte of packed terms; raised when the same text would give other terms."""

SCRIPTS = (
    *("", "LATIN", "HAN", "HANGUL", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI"),
    *("BENGALI", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "GUJARATI", "GURMUKHI", "ORIYA"),
    *("SINHALA", "THAI", "LAO", "KHMER", "MYANMAR", "GEORGIAN", "ARMENIAN", "ETHIOPIC"),
    *("MONGOLIAN", "TIBETAN", "OTHER"),
)
"""Kana are counted as HAN. Packed terms hold places in this list: it may only grow before OTHER
with a new `TERMS_VERSION`."""

PREFIX_LETTERS = 5
_MAX_COUNT = 0xFFFF
_LOOKED_AT = 300
_HAN_LETTERS = 3  # a character of Han says about as much as three letters
_HAN = ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
_KANA = ((0x3040, 0x30FF), (0x31F0, 0x31FF))
_UNSPACED = (
    *_HAN,
    *_KANA,
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
)
_HANGUL = (0xAC00, 0xD7A3)
_ARABIC = (0x0600, 0x06FF)
# Letters that are written either way for the same word, and the lengthening stroke.
_ARABIC_LETTERS = str.maketrans("أإآٱىیکة", "ااااييكه", "\u0640")
_ARABIC_ARTICLES = ("وال", "بال", "كال", "فال", "ال", "لل")
_LATIN_LETTERS = str.maketrans("đøłı", "doli")
_WORD_KIND, _PREFIX_KIND = b"w", b"p"
_PAIR_KIND, _SINGLE_KIND = 1 << 62, 1 << 61
_ASCII_TOKEN = re.compile("[a-z0-9]+")
"""Of folded text."""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The distinct terms of a text."""

    hashes: NDArray[np.uint64]
    """Ascending, shape (n,)."""
    counts: NDArray[np.uint16]
    """How often each occurs, at most 65,535, shape (n,)."""
    script: str = ""
    """What most of the text is written in, see `script_of`."""

    @property
    def total(self) -> int:
        """How many terms the text has, repeats included: its length for BM25."""
        return int(self.counts.sum(dtype=np.int64))

    def __len__(self) -> int:
        return len(self.hashes)


NO_TERMS = Terms(np.zeros(0, np.uint64), np.zeros(0, np.uint16))


def normalise(text: str) -> str:
    """Fold what people write in more than one way, without looking at words."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold().translate(_folds())


def terms_of(text: str) -> Terms:
    """The terms of a document's or a question's text."""
    words: list[str] = []
    runs: list[str] = []
    for token in tokens_of(normalise(text)):
        # Particles grow onto Korean words: the pairs match, the words would not.
        (words if is_word(token) else runs).append(token)
    hashed = [np.fromiter(itertools.chain.from_iterable(map(_word_hashes, words)), np.uint64)]
    if runs:
        hashed += _run_hashes(runs)
    hashes, counts = np.unique(np.concatenate(hashed), return_counts=True)
    return Terms(hashes, np.minimum(counts, _MAX_COUNT).astype(np.uint16), script_of(text))


def tokens_of(folded: str) -> list[str]:
    """The words of a text that `normalise` folded, and the runs that are compared by pairs."""
    # The pattern of all scripts takes four times as long.
    pattern = _ASCII_TOKEN if folded.isascii() else _token_pattern()
    return pattern.findall(_join_digit_groups(folded))


def is_word(token: str) -> bool:
    """Whether one of `tokens_of` is a word, and not a run that is compared by pairs."""
    return not _is_paired(token[0])


def words_of(text: str) -> list[str]:
    """The words of a text, folded, in order; nothing of scripts that are compared by pairs."""
    return [token for token in tokens_of(normalise(text)) if is_word(token)]


def word_terms(word: str) -> tuple[int, ...]:
    """The terms of one word of `words_of`: itself, and what other forms of it share."""
    return _word_hashes(word)


def paired_runs(text: str) -> list[str]:
    """What stands between blanks and marks in scripts that are compared by pairs, folded."""
    return [token for token in tokens_of(normalise(text)) if not is_word(token)]


def pairs_of(run: str) -> NDArray[np.uint64]:
    """The terms of the pairs of characters of such a run, in order."""
    codes = np.array([ord(letter) for letter in run], np.uint64)
    pairs = codes[:-1] << np.uint64(32) | codes[1:]
    return _mix(pairs | np.uint64(_PAIR_KIND))


def shown_terms(text: str) -> tuple[str, ...]:
    """What `terms_of` looks for, for people: words, and pairs of characters; each once."""
    shown: dict[str, None] = {}
    for token in tokens_of(normalise(text)):
        if len(token) > 2 and not is_word(token):
            shown.update(dict.fromkeys(token[at : at + 2] for at in range(len(token) - 1)))
        else:
            shown[token] = None
    return tuple(shown)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where words stand; without spaces, two characters of Han or kana do, six of the others."""
    spans: list[tuple[int, int]] = []
    for match in _token_pattern().finditer(text):
        start, end = match.span()
        first = match.group()[0]
        if _within(first, _UNSPACED):
            step = 2 if _within(first, (*_HAN, *_KANA)) else 6
            spans += [(at, min(at + step, end)) for at in range(start, end, step)]
        else:
            spans.append((start, end))
    return spans


def script_of(text: str) -> str:
    """The script that most of the text is in, such as "LATIN" or "HAN"; "" without letters."""
    looked_at = text[:: max(1, len(text) // _LOOKED_AT)]
    if looked_at.isascii():
        return "LATIN" if any(map(str.isalpha, looked_at)) else ""
    counts: Counter[str] = Counter()
    for letter, times in Counter(looked_at).items():
        if letter.isalpha():
            script = _script(letter)
            counts[script] += times * (_HAN_LETTERS if script == "HAN" else 1)
    return counts.most_common(1)[0][0] if counts else ""


@functools.lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    if _within(letter, _HAN) or _within(letter, _KANA):
        return "HAN"  # Japanese mixes them, and no embedder knows one without the other
    name = unicodedata.name(letter, "").split(" ")[0]
    return name if name in SCRIPTS else "OTHER"


def pack_terms(terms: Terms) -> bytes:
    """A version byte, a script byte, the hashes as little-endian uint64, the counts as uint16."""
    head = bytes([TERMS_VERSION, script_code(terms.script)])
    return head + terms.hashes.astype("<u8").tobytes() + terms.counts.astype("<u2").tobytes()


def unpack_terms(packed: bytes) -> Terms:
    """The terms that `pack_terms` packed; ValueError when they are of another version or torn."""
    count, rest = divmod(len(packed) - 2, 10)
    if len(packed) < 2 or packed[0] != TERMS_VERSION or rest or packed[1] >= len(SCRIPTS):
        raise ValueError("not packed terms of this version")
    hashes = np.frombuffer(packed, "<u8", count, 2).astype(np.uint64)
    counts = np.frombuffer(packed, "<u2", count, 2 + 8 * count).astype(np.uint16)
    return Terms(hashes, counts, SCRIPTS[packed[1]])


def script_code(script: str) -> int:
    """The script's place in `SCRIPTS`; all that are not there share the last one."""
    return SCRIPTS.index(script) if script in SCRIPTS else len(SCRIPTS) - 1


@functools.lru_cache(maxsize=4096)
def _is_paired(letter: str) -> bool:
    """Whether it is of a script that is compared by pairs of characters."""
    return _within(letter, (*_UNSPACED, _HANGUL))


def _within(letter: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    code = ord(letter)
    return any(low <= code <= high for low, high in ranges)


def _join_digit_groups(text: str) -> str:
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text) if "," in text else text


@functools.cache
def _token_pattern() -> re.Pattern[str]:
    # `\w` knows no combining marks, and Indic scripts write their vowels with them.
    marks = "".join(chr(c) for c in range(0x300, 0x10000) if unicodedata.category(chr(c))[0] == "M")
    unspaced = "".join(f"{chr(low)}-{chr(high)}" for low, high in _UNSPACED)
    # The lookahead keeps "WiFi密码" two tokens.
    letter = rf"(?![{unspaced}])[^\W_]"
    return re.compile(rf"[{unspaced}]+|{letter}(?:{letter}|(?![{unspaced}])[{marks}])*")


@functools.cache
def _folds() -> dict[int, str]:
    """Traditional -> simplified, one character each, and every script's digits -> ASCII."""
    import opencc

    ranges = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x2A6DF))
    characters = [chr(c) for low, high in ranges for c in range(low, high + 1)]
    simplified = opencc.OpenCC("t2s").convert("\n".join(characters)).split("\n")
    folds = {
        ord(before): after
        for before, after in zip(characters, simplified, strict=True)
        if before != after and len(after) == 1
    }
    digits = (chr(c) for c in range(0x80, 0x10000) if unicodedata.category(chr(c)) == "Nd")
    return folds | {ord(digit): str(unicodedata.digit(digit)) for digit in digits}


def _hash(kind: bytes, form: str) -> int:
    digest = hashlib.blake2b(form.encode("utf-8", "replace"), digest_size=8, key=kind).digest()
    return int.from_bytes(digest, "little")


@functools.lru_cache(maxsize=1 << 16)
def _word_hashes(word: str) -> tuple[int, ...]:
    bare = plain(word)
    hashes = [_hash(_WORD_KIND, word)]
    if bare != word:
        hashes.append(_hash(_WORD_KIND, bare))
    if len(bare) > PREFIX_LETTERS and not bare.isdigit():
        hashes.append(_hash(_PREFIX_KIND, bare[:PREFIX_LETTERS]))
    return tuple(hashes)


def plain(word: str) -> str:
    """The word without accents; Arabic without vowel marks, spelling variants and the article."""
    if word.isascii():
        return word
    if _within(word[0], (_ARABIC,)):
        bare = "".join(c for c in word if unicodedata.category(c) != "Mn")
        bare = bare.translate(_ARABIC_LETTERS)
        article = next((a for a in _ARABIC_ARTICLES if bare.startswith(a)), "")
        return bare[len(article) :] if len(bare) - len(article) > 2 else bare
    apart = unicodedata.normalize("NFD", word)
    bare = "".join(c for c in apart if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", bare).translate(_LATIN_LETTERS) or word


def _run_hashes(runs: list[str]) -> list[NDArray[np.uint64]]:
    joined = "\0".join(runs)
    codes = np.frombuffer(f"\0{joined}\0".encode("utf-32-le"), "<u4").astype(np.uint64)
    left, middle, right = codes[:-2], codes[1:-1], codes[2:]
    pairs = (codes[:-1] << np.uint64(32) | codes[1:])[(codes[:-1] != 0) & (codes[1:] != 0)]
    han = np.zeros(len(middle), bool)
    for low, high in (*_HAN, _HANGUL):
        han |= (middle >= low) & (middle <= high)
    alone = (left == 0) & (right == 0) & (middle != 0)
    singles = middle[han | alone]
    return [_mix(pairs | np.uint64(_PAIR_KIND)), _mix(singles | np.uint64(_SINGLE_KIND))]


def _mix(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele et al. 2014): a bijection that spreads every bit."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = keys ^ (keys >> np.uint64(31))
    return mixed
