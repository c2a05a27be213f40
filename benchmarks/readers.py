"""What is read of files that trip readers: py-pdf's sample files, through the worker process.

    EVAL_DIR=FOLDER python -m benchmarks readers

EVAL_DIR holds a folder `files` with them. Prints what each must yield and whether it does, and the
time a file takes; where the extra `ocr` is installed, also what a scanned page costs. Does nothing
where there are no files.
"""

from __future__ import annotations

import os
import tempfile
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.pairing import say
from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.errors import EncryptedDocumentError, RejectedDocumentError
from knowledge_base.loaders import ocr
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import Section, Upload
from knowledge_base.settings import ReaderLimits

SPEC = TokenizerSpec(kind="estimate", max_tokens=512)
SCANNED = (
    "The workshop opens at nine and closes at six.",
    "Gloves are forbidden at every machine that turns.",
    "Visitors sign the book at the door before they go in.",
    "Whoever has a key locks up after the last machine has stopped.",
)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a file."""

    sections: tuple[Section, ...] = ()
    error: RejectedDocumentError | None = None

    @property
    def text(self) -> str:
        """All of it with its headings, each once, words one blank apart."""
        headings = dict.fromkeys(
            title for section in self.sections for title in (section.heading or "").split(" › ")
        )
        return " ".join(" ".join([*headings, *(each.text for each in self.sections)]).split())

    @property
    def pages(self) -> int:
        """The last page that has text."""
        return max((section.page or 0 for section in self.sections), default=0)

    def says(self, *words: str) -> bool:
        """Whether all of these stand in it."""
        text = unicodedata.normalize("NFC", self.text)
        return all(unicodedata.normalize("NFC", word) in text for word in words)

    def under(self, *headings: str) -> bool:
        """Whether there is text below each of these headings."""
        paths = [section.heading or "" for section in self.sections]
        return all(any(path.endswith(heading) for path in paths) for heading in headings)


def _text(pages: int, letters: int, *words: str) -> Callable[[Told], bool]:
    return lambda told: told.pages == pages and len(told.text) >= letters and told.says(*words)


def _chapters(told: Told) -> bool:
    last = [section for section in told.sections if section.page == 4]
    return told.pages == 4 and bool(last) and told.under("1 Foo", "5 Bar", "9 Baz")


def _columns(told: Told) -> bool:
    row = "Country: Finland; Population (millions): 5.5; Area (km2): 338,424; Capital: Helsinki"
    return told.pages == 3 and told.says(
        "Curabitur dictum gravida mauris. Nam arcu libero, nonummy eget, consectetuer id",
        "nonummy in, fermentum faucibus, egestas vel, odio.",
        "orci luctus et ultrices posuere cubilia Curae; Pellentesque sit amet pede",
        row,
    )


def _picture(told: Told) -> bool:
    """With OCR the text or that there is none, without it that it cannot be read."""
    kinds = ("ScannedDocumentError",) if not ocr.available() else ("EmptyDocumentError",)
    if told.error is not None:
        return type(told.error).__name__ in kinds
    return ocr.available() and bool(told.text)


EXPECTED: dict[str, tuple[str, Callable[[Told], bool]]] = {
    "minimal-document": ("1 page of text", _text(1, 590, "Lorem ipsum dolor")),
    "crazyones-pdfa": ("1 page of text", _text(1, 880, "the crazy ones")),
    "google-doc-document": ("1 page of text", _text(1, 1050, "Explicit is better than implicit.")),
    "output_with_metadata_pymupdf": ("1 page of text", _text(1, 13, "Hello, World!")),
    "pdflatex-4-pages": ("4 pages", _text(4, 9000, "This text should show")),
    "pdflatex-outline": ("4 pages, headings, page numbers", _chapters),
    "mistitled_outlines_example": ("4 pages, headings, page numbers", _chapters),
    "multicolumn": ("columns not interleaved, its table by row", _columns),
    "habibi": ("Arabic, from right to left", _text(1, 10, "حَبيبي", "habibi")),
    "libreoffice-form": ("labels and values", _text(1, 60, "First Name: Alice", "Nationality:")),
    "annotated_pdf": ("annotations", _text(1, 40, "This is a text annotation.", "Hello world!")),
    "with-attachment": ("the attached file named", _text(1, 590, "Attachment:")),
    "libreoffice-writer-password": (
        "needs a password, said so",
        lambda told: isinstance(told.error, EncryptedDocumentError),
    ),
    "grayscale-image": ("by OCR, else said so", _picture),
    "imagemagick-lzw": ("by OCR, else said so", _picture),
}


async def main() -> bool:
    """True where every file yields what it must."""
    folder = Path(os.environ.get("EVAL_DIR", "")) / "files"
    if "EVAL_DIR" not in os.environ or not folder.is_dir():
        say("not run: EVAL_DIR names no folder with `files`")
        return True
    missed = 0
    reader = Reader(ReaderLimits(), SPEC, workers=1)
    try:
        say(f"OCR: {'installed' if ocr.available() else 'not installed'}")
        say("| file | must yield | holds | characters | ms |\n|---|---|---|---|---|")
        for name, (what, holds) in EXPECTED.items():
            began = time.perf_counter()
            told = await _told(reader, folder / f"{name}.pdf")
            took = (time.perf_counter() - began) * 1000
            held = holds(told)
            missed += not held
            said = type(told.error).__name__ if told.error else str(len(told.text))
            say(f"| {name} | {what} | {'yes' if held else 'NO'} | {said} | {took:.0f} |")
        if ocr.available():
            missed += not await _scan(reader)
    finally:
        await reader.aclose()
    return not missed


async def _told(reader: Reader, path: Path) -> Told:
    try:
        return Told((await reader.text(Upload(path.name, path))).sections)
    except RejectedDocumentError as error:
        return Told(error=error)


async def _scan(reader: Reader) -> bool:
    """What ten scanned pages of forty lines cost: time, memory of the process, words found."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.pdf"
        _draw(path, pages=10)
        began = time.perf_counter()
        parsed = await reader.parse(Upload(path.name, path))
        took = time.perf_counter() - began
        peak = max(
            (child.memory_info().rss for child in psutil.Process().children(recursive=True)),
            default=0,
        )
        text = " ".join(chunk.text for chunk in parsed.chunks)
        found = sum(text.count(line) for line in SCANNED) / (10 * 40)
        say(
            f"a scanned page of 40 lines: {took / 10:.1f} s, {peak >> 20} MB resident in the "
            f"reading process after it, {found:.1%} of the lines letter by letter"
        )
    return found > 0.9


def _draw(path: Path, pages: int) -> None:
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(34)
    drawn = []
    for _ in range(pages):
        page = Image.new("L", (1654, 2339), 255)
        draw = ImageDraw.Draw(page)
        for line in range(40):
            draw.text((150, 150 + line * 52), SCANNED[line % len(SCANNED)], 20, font)
        drawn.append(page)
    drawn[0].save(path, save_all=True, append_images=drawn[1:], resolution=200)
