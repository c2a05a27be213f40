"""Subtitles: what is said, in paragraphs that begin with their time."""

from __future__ import annotations

import pysubs2

from knowledge_base.loaders import media
from knowledge_base.loaders.encoding import decode
from knowledge_base.loaders.outline import Outline, clean, flat
from knowledge_base.loaders.source import Source
from knowledge_base.models import Section

_PAUSE = 4_000
_LONGEST = 30_000
"""Milliseconds: a paragraph ends at a pause, or after half a minute."""
_FORMATS = {media.SRT: "srt", media.VTT: "vtt", media.ASS: "ass"}


def load_subtitles(source: Source) -> list[Section]:
    """SubRip, WebVTT or (Advanced) SubStation Alpha."""
    text = clean(decode(source.read()))
    try:
        file = pysubs2.SSAFile.from_string(text, format_=_FORMATS[source.media_type])
    except (pysubs2.exceptions.Pysubs2Error, ValueError, IndexError, KeyError) as error:
        raise source.unreadable() from error
    outline = Outline()
    began = ended = 0
    said: list[str] = []
    for event in file:
        line = flat(event.plaintext)
        if event.is_comment or not line or (said and line == said[-1]):
            continue
        if event.name:
            line = f"{flat(event.name)}: {line}"
        if said and (event.start - ended > _PAUSE or event.end - began > _LONGEST):
            outline.text(f"[{_clock(began)}] {' '.join(said)}")
            said = []
        if not said:
            began = event.start
        said.append(line)
        ended = event.end
    if said:
        outline.text(f"[{_clock(began)}] {' '.join(said)}")
    return outline.finish()


def _clock(milliseconds: int) -> str:
    seconds = milliseconds // 1000
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
