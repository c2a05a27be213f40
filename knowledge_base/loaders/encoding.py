"""Bytes of unknown encoding to text."""

from __future__ import annotations

import codecs
import re
import unicodedata

_SAMPLE = 32 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The commonest characters of Chinese, simplified and traditional, and of Korean: in the right
# encoding a text is full of them, in a wrong one it is full of rare ones.
_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "日者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美"
    "相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解"
    "水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计"
    "管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完"
    "設這個們來為國說時會對於著過發後裡種經麼學現當沒動還進樣開從實無與長機關點業將兩間問並應戰頭體見產員"
    "이다는을가에의하고한지도로은를사서기리그나아어자라시대인있일해들수정만부니과장보여상오원주것전제구조안"
    "동공면으게우성무소신선화할거마경용생되때국중말세연개방모관내없위문계분등합요습까"
    "給門東聲論處義幾認條係氣題爾變總電數報結務場計資許統區隊決馬書聽卻達難權圖館請網頁軟體，。、：；？！（）《》「」“”"
)
_WESTERN = frozenset(
    "àâäáãåæçéèêëíìîïñóòôöõøœúùûüýÿßÀÂÄÁÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÖÕØŒÚÙÛÜÝŸðÐþÞšŠžŽ"
    "“”‘’‚„–—…•€£¥©®™°«»¿¡§¶·ªº¹²³½¼¾±×÷†‡‰‹›¢¬µ¨´¸\xa0\xad"
)
_CENTRAL = frozenset(
    "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽľĺŕôäĽĹŔÔÄőűöüŐŰÖÜăâîşţĂÂÎŞŢđĐßç"
    "“”‘’‚„–—…•€©®™°«»§·†‡‰‹›±×÷´¨\xa0\xad"
)
# Between letters these are wrong: cp1250 text read as cp1252 is full of them.
_MISPLACED = re.compile(r"[^\W\d_][¹²³¿¡¢¥£±¼½¾»«©®¬µ][^\W\d_]")
_MULTIBYTE = ("gb18030", "big5hkscs", "cp950", "shift_jis", "euc_jp", "euc_kr")


def decode(content: bytes) -> str:
    """Text of the bytes, never failing: undecodable ones become U+FFFD.

    Order: byte order mark, UTF-8, UTF-32 and UTF-16 without a mark, then the likeliest of the
    encodings that charset-normalizer and the Chinese ones offer.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, "replace").removeprefix("\ufeff")
    sample = content[:_SAMPLE]
    if wide := _wide(sample):
        return content.decode(wide, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if _mostly_utf8(content, error):
            return content.decode("utf-8", "replace")
    try:
        # Surrogates written as UTF-8: pairs become the character that they mean.
        text = content.decode("utf-8", "surrogatepass")
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    except UnicodeDecodeError:
        pass
    return content.decode(_legacy(sample), "replace")


def _mostly_utf8(content: bytes, error: UnicodeDecodeError) -> bool:
    """UTF-8 with a few broken bytes (cut in a character, a stray control byte)."""
    text = content[:_SAMPLE].decode("utf-8", "replace")
    broken = text.count("\ufffd")
    fine = sum(1 for character in text if ord(character) > 0x7F) - broken
    return broken * 20 < fine or (error.start >= len(content) - 3 and fine > 0)


def _wide(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: NUL bytes in a pattern, or CJK that only fits so."""
    quarter = [sample[offset::4].count(0) for offset in range(4)]
    length = max(len(sample) // 4, 1)
    if quarter[3] > 0.9 * length and quarter[2] > 0.9 * length and quarter[0] < 0.5 * length:
        return "utf-32-le"
    if quarter[0] > 0.9 * length and quarter[1] > 0.9 * length and quarter[3] < 0.5 * length:
        return "utf-32-be"
    if len(sample) < 4:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.05 * half:
        return "utf-16-be"
    return _wide_chinese(sample)


def _wide_chinese(sample: bytes) -> str | None:
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return None
    best, score = None, 0.12  # share of common characters that no wrong reading reaches
    for encoding in ("utf-16-le", "utf-16-be"):
        text = sample[: len(sample) // 2 * 2].decode(encoding, "replace")
        if (share := _common_share(text)) > score and not _garbage(text):
            best, score = encoding, share
    if best is None:
        return None
    return best if all(score > _fit(sample, other) for other in _MULTIBYTE) else None


def _legacy(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    scores = {encoding: _fit(sample, encoding) for encoding in _MULTIBYTE}
    best = max(scores, key=lambda encoding: scores[encoding])
    if scores[best] >= 0.1:
        return "gb18030" if best == "gb18030" else best
    for encoding, letters in (("cp1252", _WESTERN), ("cp1250", _CENTRAL)):
        if _latin(sample.decode(encoding, "replace"), letters):
            return encoding
    for match in from_bytes(sample):
        if not _garbage(sample.decode(match.encoding, "replace")):
            return match.encoding
    return best if scores[best] > 0.02 else "cp1252"


def _fit(sample: bytes, encoding: str) -> float:
    """Share of common characters in this reading, 0 where the bytes do not allow it."""
    text = sample.decode(encoding, "replace")
    # A cut in the middle of a character is no evidence against an encoding.
    if text[:-2].count("\ufffd") > len(text) // 500 or _garbage(text):
        return 0.0
    return _common_share(text)


def _common_share(text: str) -> float:
    beyond = [character for character in text if ord(character) > 0x7F]
    if not beyond:
        return 0.0
    return sum(1 for character in beyond if character in _COMMON or _kana(character)) / len(beyond)


def _kana(character: str) -> bool:
    return "\u3040" <= character <= "\u30ff"


def _garbage(text: str) -> bool:
    """More than a little of what no text holds: controls, private and unassigned characters."""
    bad = 0
    for character in text:
        category = unicodedata.category(character)
        if category in {"Co", "Cn", "Cs"} or (category == "Cc" and character not in "\t\n\r\f\x1a"):
            bad += 1
    return bad * 100 > len(text)


def _latin(text: str, letters: frozenset[str]) -> bool:
    """Whether a text is in a Latin script with some of these letters among plain ones."""
    beyond = [character for character in text if ord(character) > 0x7F]
    plain = sum(1 for character in text if character.isascii() and character.isalpha())
    odd = sum(1 for character in beyond if character not in letters)
    accented = sum(1 for character in beyond if character.isalpha())
    return odd * 50 <= len(beyond) and accented * 2 <= plain and not _MISPLACED.search(text)
