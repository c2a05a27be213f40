"""The sample documents and their questions: well-formed, true to each other, reproducible."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import re
import sys
import zipfile
from collections import Counter
from email import policy
from email.parser import BytesParser
from pathlib import Path

import docx
import openpyxl
import pptx
import pypdfium2
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "knowledge_base" / "samples"
QUESTIONS = [
    json.loads(line)
    for line in (ROOT / "knowledge_base" / "sample_questions.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def maker():
    """The script that writes the binary samples; it is no part of any package."""
    name = "make_samples"
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]


@pytest.fixture(scope="module")
def built(maker):
    return maker.build()


def pdf_pages(path: Path) -> list[list[str]]:
    with pypdfium2.PdfDocument(path) as document:
        return [[page.get_textpage().get_text_range()] for page in document]


def docx_pages(path: Path) -> list[list[str]]:
    document = docx.Document(str(path))
    rows = [row for table in document.tables for row in table.rows]
    return [
        [paragraph.text for paragraph in document.paragraphs]
        + ["\t".join(cell.text for cell in row.cells) for row in rows]
    ]


def xlsx_pages(path: Path) -> list[list[str]]:
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        return [
            [
                "\t".join("" if cell is None else str(cell) for cell in row)
                for sheet in book.worksheets
                for row in sheet.iter_rows(values_only=True)
            ]
        ]
    finally:
        book.close()


def pptx_pages(path: Path) -> list[list[str]]:
    return [
        [
            paragraph.text
            for shape in slide.shapes
            if shape.has_text_frame
            for paragraph in shape.text_frame.paragraphs
        ]
        for slide in pptx.Presentation(str(path)).slides
    ]


def csv_pages(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [["\t".join(row) for row in csv.reader(file)]]


def eml_pages(path: Path) -> list[list[str]]:
    message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    return [message.get_content().splitlines()]


def text_pages(path: Path) -> list[list[str]]:
    return [path.read_text(encoding="utf-8").splitlines()]


READERS = {
    ".pdf": pdf_pages,
    ".docx": docx_pages,
    ".xlsx": xlsx_pages,
    ".pptx": pptx_pages,
    ".csv": csv_pages,
    ".eml": eml_pages,
    ".html": text_pages,
    ".md": text_pages,
    ".txt": text_pages,
}
PAGED = (".pdf", ".pptx")
BINARY = (".pdf", ".docx", ".xlsx", ".pptx")


def pages(name: str) -> list[list[str]]:
    """Pages of a sample (one, where its format has none), each as paragraphs or rows."""
    path = SAMPLES / name
    return READERS[path.suffix](path)


def names() -> list[str]:
    return sorted(path.name for path in SAMPLES.iterdir())


def test_there_are_twenty_questions_in_each_language():
    assert Counter(question["id"][:2] for question in QUESTIONS) == {"en": 20, "zh": 20}
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)
    assert len({question["question"] for question in QUESTIONS}) == len(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_a_question_is_well_formed_and_its_document_answers_it(question):
    assert list(question) == ["id", "question", "document", "words", "page"]
    assert bool(HAN.search(question["question"])) == (question["id"].startswith("zh"))
    assert bool(HAN.search(question["document"])) == (question["id"].startswith("zh"))
    assert question["words"]
    assert all(isinstance(word, str) and word.strip() == word != "" for word in question["words"])
    found = [
        number
        for number, page in enumerate(pages(question["document"]), start=1)
        if any(all(word in part for word in question["words"]) for part in page)
    ]
    paged = Path(question["document"]).suffix in PAGED
    assert paged == (question["page"] is not None)
    assert (question["page"] in found) if paged else found == [1]


def test_every_sample_is_asked_about_and_every_page_of_the_pdfs():
    asked = {question["document"] for question in QUESTIONS}
    assert sorted(asked) == names()
    for name in names():
        if name.endswith(".pdf"):
            wanted = {question["page"] for question in QUESTIONS if question["document"] == name}
            assert wanted == set(range(1, len(pages(name)) + 1))


def test_the_text_layer_of_the_pdfs_is_in_reading_order(maker):
    for manual, name in (
        (maker.MAKERSPACE, "tidewheel-makerspace-safety.pdf"),
        (maker.OBSERVATORY, "星砾山观测站访客指南.pdf"),
    ):
        read = ["".join(page).split() for page in pages(name)]
        assert len(read) == len(manual.pages)
        for number, (text, source) in enumerate(zip(read, manual.pages, strict=True), start=1):
            foot = manual.footer.format(page=number, pages=len(read))
            assert "".join(text) == "".join((source.replace("#", "") + foot).split())


def test_the_samples_are_small_and_of_many_kinds():
    sizes = {path.name: path.stat().st_size for path in SAMPLES.iterdir()}
    assert max(sizes.values()) < 60_000
    assert {Path(name).suffix for name in sizes} == set(READERS)


def test_the_script_writes_the_committed_binaries(built):
    binaries = {
        name for name in names() if Path(name).suffix in (".pdf", ".docx", ".xlsx", ".pptx")
    }
    assert set(built) == binaries
    for name, data in built.items():
        assert _contents(data) == _contents((SAMPLES / name).read_bytes()), name


def test_the_script_writes_the_same_bytes_every_time(built, maker, tmp_path):
    assert maker.main([str(tmp_path)]) == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == built


def _contents(data: bytes) -> bytes | list[tuple[str, tuple[int, ...], bytes]]:
    """What a file says, whatever zlib packed it: builds of zlib differ, the parts may not."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return [
            (entry.filename, entry.date_time, package.read(entry)) for entry in package.infolist()
        ]
