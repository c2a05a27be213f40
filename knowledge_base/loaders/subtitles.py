"""Subtitles: what is said, in paragraphs that begin with their time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from knowledge_base.loaders import media
from knowledge_base.loaders.encoding import decode
from knowledge_base.loaders.outline import Outline, clean, flat
from knowledge_base.loaders.source import Source
from knowledge_base.models import Section

_PAUSE = 4.0
_LONGEST = 30.0
"""Seconds: a paragraph ends at a pause, or after half a minute."""
_TIMES = re.compile(r"\s*(\d[\d:.,]{2,15})\s*-->\s*(\d[\d:.,]{2,15})")
_SPEAKER = re.compile(r"<v(?:\.[^\s<>]*)? ([^<>]+)>")
_TAG = re.compile(r"<[^<>]*>|\{[^{}]*\}")

_FIELDS = (
    *("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect"),
    "text",
)


@dataclass(frozen=True, slots=True)
class _Cue:
    start: float
    end: float
    text: str


def load_subtitles(source: Source) -> list[Section]:
    """SubRip, WebVTT or (Advanced) SubStation Alpha."""
    lines = clean(decode(source.read())).split("\n")
    cues = _dialogue(lines) if source.media_type == media.ASS else _cues(lines)
    outline = Outline()
    began = ended = 0.0
    said: list[str] = []

    def flush() -> None:
        if said:
            outline.text(f"[{_clock(began)}] {' '.join(said)}")
            said.clear()

    for cue in cues:
        line = flat(cue.text)
        if not line or (said and line == said[-1]):  # captions that roll repeat what was said
            continue
        if cue.start - ended > _PAUSE or cue.end - began > _LONGEST:
            flush()
        began = began if said else cue.start
        said.append(line)
        ended = cue.end
    flush()
    return outline.finish()


def _cues(lines: list[str]) -> Iterator[_Cue]:
    """Cues of SubRip and WebVTT: a line of times, then text up to an empty line."""
    times: re.Match[str] | None = None
    text: list[str] = []
    for line in [*lines, ""]:
        found = _TIMES.match(line)
        if times is not None and (found or not line.strip()):
            if found and text and text[-1].strip().isdigit():
                text.pop()  # the next cue's number, where the empty line is missing
            yield _Cue(_seconds(times[1]), _seconds(times[2]), _plain("\n".join(text)))
            times, text = None, []
        if found:
            times = found
        elif times is not None:
            text.append(line)


def _dialogue(lines: list[str]) -> Iterator[_Cue]:
    """Dialogue of SubStation Alpha: comma-separated fields, the last of which is the text."""
    names = list(_FIELDS)
    for line in lines:
        kind, _, rest = line.partition(":")
        if kind.strip().lower() == "format" and "start" in rest.lower():
            names = [name.strip().lower() for name in rest.split(",")]
        elif kind.strip().lower() == "dialogue":
            values = rest.split(",", len(names) - 1)
            fields = dict(zip(names, values, strict=False))
            text = _TAG.sub("", re.sub(r"\\[Nnh]", " ", fields.get("text", "")))
            name = fields.get("name", "").strip()
            yield _Cue(
                _seconds(fields.get("start", "")),
                _seconds(fields.get("end", "")),
                f"{name}: {text}" if name and text.strip() else text,
            )


def _plain(text: str) -> str:
    return unescape(_TAG.sub("", _SPEAKER.sub(r"\1: ", text)))


def _seconds(clock: str) -> float:
    numbers = re.findall(r"\d+", clock.replace(",", "."))
    fraction = float(f"0.{numbers.pop()}") if re.search(r"[.,]\d+\s*$", clock) else 0.0
    whole = 0
    for number in numbers[-3:]:
        whole = whole * 60 + int(number)
    return whole + fraction


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
