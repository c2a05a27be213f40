"""E-mail: its fields, its text, and the files that came with it."""

from __future__ import annotations

import email
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

from knowledge_base.errors import RejectedDocumentError
from knowledge_base.loaders.encoding import decode
from knowledge_base.loaders.html import decode_html, walk_html
from knowledge_base.loaders.outline import SEPARATOR, Outline, flat
from knowledge_base.loaders.source import Source
from knowledge_base.models import Section

_FIELDS = ("From", "To", "Cc", "Date", "Subject")
_MOST_PARTS = 1000


def load_mail(source: Source) -> list[Section]:
    """A message. Attachments that can be read are; the others are named."""
    message = email.message_from_bytes(source.read())
    outline = Outline()
    fields = {name: _field(message, name) for name in _FIELDS}
    outline.heading(1, fields["Subject"])
    outline.text("\n".join(f"{name}: {text}" for name, text in fields.items() if text))
    attached: list[Message] = []
    for count, part in enumerate(_leaves(message)):
        if count >= _MOST_PARTS:
            raise source.unreadable()
        if part.get_filename() or part.get_content_maintype() not in {"text"}:
            attached.append(part)
        elif part.get_content_subtype() == "html":
            walk_html(_text(part), outline)
        else:
            outline.text(_text(part))
    sections = outline.finish()
    for part in attached:
        sections += _attachment(source, part, fields["Subject"])
    return sections


def _leaves(message: Message) -> Iterator[Message]:
    """Parts in order; of alternatives the first with text, plain before HTML; without recursion."""
    stack: list[Message] = [message]
    while stack:
        part = stack.pop()
        inner = part.get_payload()
        if part.get_content_type() == "message/rfc822" or not isinstance(inner, list):
            yield part
            continue
        children = [child for child in inner if isinstance(child, Message)]
        if part.get_content_type() == "multipart/alternative":
            children = _best(children)
        stack.extend(reversed(children))


def _best(alternatives: list[Message]) -> list[Message]:
    plain = [part for part in alternatives if part.get_content_type() == "text/plain"]
    if any(_text(part).strip() for part in plain):
        return plain
    return alternatives[-1:]


def _field(message: Message, name: str) -> str:
    raw = message.get(name)
    if raw is None:
        return ""
    try:
        return flat(str(make_header(decode_header(raw))))
    except (MessageError, LookupError, ValueError):
        return flat(str(raw))


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    charset = part.get_content_charset()
    if charset:
        try:
            return content.decode(charset)
        except (LookupError, ValueError):
            pass
    return decode_html(content) if part.get_content_subtype() == "html" else decode(content)


def _attachment(source: Source, part: Message, subject: str) -> list[Section]:
    from knowledge_base.loaders import load_as
    from knowledge_base.loaders.detect import detect

    name = _file_name(part)
    path = SEPARATOR.join(filter(None, [subject, name]))
    named = [Section(f"Attachment: {name}", subject or None)]
    content = _content(part)
    if not content or source.depth >= source.limits.max_archive_depth:
        return named
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "attachment"
        file.write_bytes(content)
        inner = replace(source, path=file, media_type=detect(file, name), depth=source.depth + 1)
        try:
            sections = load_as(inner)
        except RejectedDocumentError:
            return named
    under = (
        replace(section, page=None, heading=SEPARATOR.join(filter(None, [path, section.heading])))
        for section in sections
    )
    return [*named, *under]


def _content(part: Message) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        first = inner[0] if isinstance(inner, list) and inner else None
        return first.as_bytes() if isinstance(first, Message) else b""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _file_name(part: Message) -> str:
    name = part.get_filename()
    if name is None:
        return part.get_content_type()
    try:
        return flat(str(make_header(decode_header(name))))
    except (MessageError, LookupError, ValueError):
        return flat(name)
