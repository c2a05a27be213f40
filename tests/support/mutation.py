"""Files with something wrong in them: good ones of every kind, and ways to spoil them."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import knowledge_base
from knowledge_base.zips import BROKEN
from tests.support import documents

BUNDLED: Final = Path(knowledge_base.__file__).parent / "samples"
_TEXTS: Final = {
    "a.md": "# Fees\n\nA card costs **five** crowns.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    "# 费用\n\n五元。\n",
    "a.rst": "Fees\n====\n\nA card costs five.\n\n.. note:: 五元\n\n::\n\n    code\n",
    "a.html": "<html><head><title>T</title></head><body><h1>H</h1><table><tr><th>a<td>b</table>"
    "<p>words &amp; 字 <script>x</script></body></html>",
    "a.xml": "<?xml version='1.0'?><a b='c'>words<d/>字</a>",
    "a.json": '{"name": "card", "fees": [1, 2.5, null, {"字": "五"}]}',
    "a.jsonl": '{"a": 1}\n{"a": "字"}\n[1, 2]\n',
    "a.csv": 'name,fee\ncard,"5, or 6"\n卡,"五\n元"\n',
    "a.tsv": "name\tfee\ncard\t5\n",
    "a.srt": "1\n00:00:01,000 --> 00:00:02,000\nWords\n\n2\n00:00:03,000 --> 00:00:04,000\n字\n",
    "a.vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ada>Words\n",
    "a.ass": "[Script Info]\n[Events]\nFormat: Start, Text\nDialogue: 0:00,{\\\\b1}Words\\\\N字\n",
    "a.rtf": r"{\rtf1\ansi\ansicpg936{\fonttbl\f0 x;}\f0 words \u23383? \'d7\'d6\par{\*\bin3 abc}}",
    "a.eml": "From: a@b.c\nTo: d@e.f\nSubject: =?utf-8?B?5a2X?=\nMIME-Version: 1.0\n"
    'Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/html; charset=gbk\n'
    "Content-Transfer-Encoding: quoted-printable\n\n<p>=D7=D6</p>\n--x\nContent-Type: text/csv\n"
    'Content-Disposition: attachment; filename="a.csv"\n\na,b\n1,2\n--x--\n',
    "a.py": "def f():\n    '''字'''\n    return 1\n",
    "a.txt": "Words 字\r\n\ttabs\x0c new page\n" * 3,
}
_TOKENS: Final = (
    b"\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"-1", b"99999999999", b"<", b">", b"&#0;",
    b"<a>" * 200, b"[" * 300, b"{\\b" * 200, b"%s", b"\r\n", b"obj", b"stream", b"\xed\xa0\x80",
    b"NaN", b"1e999", b"\xe2\x80\xae",
)  # fmt: skip


def samples(folder: Path) -> dict[str, bytes]:
    """A good file of every kind, by name."""
    found = {name: text.encode() for name, text in _TEXTS.items()}
    found["b.txt"] = "各种编码的文字，也要能读。".encode("gbk")
    found["c.txt"] = "UTF-16 words 字".encode("utf-16")
    makers: dict[str, Callable[[Path], object]] = {
        "a.docx": _docx,
        "a.pptx": _pptx,
        "a.xlsx": _xlsx,
        "a.xls": lambda path: documents.xls(path, "S", [["Item", "Fee"], ["Card", 5.0]]),
        "a.odt": lambda path: documents.odf(
            path, "text", "<text:h text:outline-level='1'>H</text:h><text:p>Words</text:p>"
        ),
        "a.ods": lambda path: documents.odf(
            path,
            "spreadsheet",
            "<table:table table:name='S'><table:table-row><table:table-cell><text:p>Item</text:p>"
            "</table:table-cell></table:table-row></table:table>",
        ),
        "a.epub": lambda path: documents.epub(path, {"a.xhtml": "<p>Words</p>"}, {"a.xhtml": "A"}),
        "a.pdf": lambda path: documents.pdf(path, [[("Fees", 16), ("Words", 11)], [("字", 11)]]),
        "b.pdf": lambda path: documents.drawn(
            path, [[*documents.ruled(50, 500, [80, 80], [60, 60]), (60, 470, "a"), (140, 470, "b")]]
        ),
    }
    for name, make in makers.items():
        make(folder / "made")
        found[name] = (folder / "made").read_bytes()
    found["a.zip"] = documents.zip_bytes({"a.md": _TEXTS["a.md"], "b/c.csv": _TEXTS["a.csv"]})
    for name in ("a.png", "a.jpg", "a.webp", "a.gif", "a.bmp", "a.tiff"):
        found[name] = _picture(name)
    return found


def bundled() -> dict[str, bytes]:
    """The sample documents that come with the program, by name."""
    return {path.name: path.read_bytes() for path in sorted(BUNDLED.iterdir()) if path.is_file()}


def spoiled(content: bytes, chance: random.Random) -> bytes:
    """The file with something wrong; of a zip sometimes within a member, packed properly again."""
    if content[:2] == b"PK" and chance.random() < 0.8:
        return _spoiled_member(content, chance)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        content = chance.choice(_WAYS)(content, chance)
    return content


def _spoiled_member(content: bytes, chance: random.Random) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as whole:
            members = {name: whole.read(name) for name in whole.namelist()}
    except (*BROKEN, KeyError, OSError, RuntimeError):  # spoiled before
        return _flip(content, chance)
    name = chance.choice([*members])
    how = chance.random()
    if how < 0.1:
        del members[name]
    elif how < 0.2:
        members[name + "x"] = members.pop(name)
    elif how < 0.3:
        members[name] = chance.choice([*members.values()])
    else:
        for _ in range(chance.choice((1, 1, 3, 10))):
            members[name] = chance.choice(_WAYS)(members[name], chance)
    return documents.zip_bytes(members)


def _flip(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(max(len(content), 1))
    return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]


def _cut(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + content[start + chance.choice((1, 2, 8, 64, 1 << 20)) :]


def _repeat(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    piece = content[start : start + chance.choice((1, 4, 32, 256))]
    return content[:start] + piece * chance.choice((2, 5, 50)) + content[start:]


def _insert(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.choice(_TOKENS) + content[at:]


def _swap(content: bytes, chance: random.Random) -> bytes:
    at, other = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return content[:at] + content[other:] + content[at:other]


def _number(content: bytes, chance: random.Random) -> bytes:
    """Another number where there is one."""
    places = [at for at, byte in enumerate(content) if 0x30 <= byte <= 0x39]
    if not places:
        return _flip(content, chance)
    at = chance.choice(places)
    return content[:at] + chance.choice((b"0", b"-1", b"65535", b"4294967296")) + content[at + 1 :]


_WAYS: Final = (_flip, _flip, _cut, _repeat, _insert, _swap, _number)


def _docx(path: Path) -> None:
    body = (
        "<w:p><w:pPr><w:pStyle w:val='H1'/></w:pPr><w:r><w:t>Title</w:t></w:r></w:p>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t>"
        "</w:r></w:p></w:tc></w:tr></w:tbl><w:p><w:r><w:br w:type='page'/><w:t>字</w:t></w:r></w:p>"
    )
    styles = (
        f"<w:styles xmlns:w='{documents.W}'><w:style w:styleId='H1'><w:name w:val='heading 1'/>"
        "<w:basedOn w:val='H0'/></w:style></w:styles>"
    )
    documents.docx_of(path, body, styles=styles)


def _pptx(path: Path) -> None:
    from pptx import Presentation
    from pptx.util import Inches

    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Fees"
    table = slide.shapes.add_table(2, 2, *(Inches(n) for n in (1, 2, 4, 1))).table
    for place, text in enumerate(("Item", "Fee", "Card", "5")):
        table.cell(place // 2, place % 2).text = text
    slide.notes_slide.notes_text_frame.text = "note"
    show.save(str(path))


def _xlsx(path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.comments import Comment

    book = Workbook()
    book.active.append(["Item", "Fee"])
    book.active.append(["Card", 5])
    book.active["A2"].comment = Comment("remark", "Ada")
    book.save(path)


def _picture(name: str) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (120, 40), "white")
    ImageDraw.Draw(image).text((5, 10), "Words", "black")
    buffer = io.BytesIO()
    kind = {"jpg": "JPEG", "tiff": "TIFF"}.get(name[2:], name[2:].upper())
    image.save(buffer, kind)
    return buffer.getvalue()
