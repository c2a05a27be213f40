"""Which documents words mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.whole.naming import Fit, fit, fitting, named_in
from knowledge_base.models import DocumentId
from tests.support.passages import passage

NAMES = (
    "vessaby-library-handbook.md",
    "雾砚茶业员工手册.docx",
    "rules.pdf",
    "rules-2024.pdf",
    "星砾山观测站访客指南.pdf",
    "星砾山观测站访客指南-2022年版.md",
)


def document(number: int, name: str):
    return replace(passage(name).document, document_id=DocumentId(number))


DOCUMENTS = tuple(document(number, name) for number, name in enumerate(NAMES))


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        ("rules.pdf", "rules.pdf", Fit.NAME),
        ("the rules", "rules.pdf", Fit.NAME),
        ("Vessaby Library Handbook", "vessaby-library-handbook.md", Fit.NAME),
        ("the library handbook", "vessaby-library-handbook.md", Fit.MUCH),
        ("vesaby library handbok", "vessaby-library-handbook.md", Fit.MUCH),
        ("the library", "vessaby-library-handbook.md", Fit.PART),
        ("员工手册", "雾砚茶业员工手册.docx", Fit.MUCH),
        ("《员工手册》", "雾砚茶业员工手册.docx", Fit.MUCH),
        ("这份员工手册", "雾砚茶业员工手册.docx", Fit.MUCH),
        ("手册", "雾砚茶业员工手册.docx", Fit.PART),
        ("the opening hours", "vessaby-library-handbook.md", Fit.NONE),
        ("library prices", "vessaby-library-handbook.md", Fit.NONE),
        ("年假规定", "雾砚茶业员工手册.docx", Fit.NONE),
        ("the report", "report.pdf", Fit.NAME),
        ("the report", "annual report.pdf", Fit.NONE),
        ("this document", "document.pdf", Fit.NONE),
        ("a", "a-long-name.md", Fit.NONE),
    ],
)
def test_how_well_words_fit_a_name(words, name, expected):
    assert fit(words, name) is expected


def test_a_title_stands_in_for_a_name():
    assert fit("harbour handbook", "a7.md", "The Harbour Handbook") >= Fit.PART
    assert fit("harbour handbook", "a7.md", "Forest Handbook") is Fit.NONE


def test_the_best_fit_is_taken_and_equals_are_all_given():
    assert [own.name for own in fitting("rules", DOCUMENTS, {}, Fit.PART)] == ["rules.pdf"]
    both = fitting("访客指南", DOCUMENTS, {}, Fit.PART)
    assert {own.name for own in both} == set(NAMES[4:])
    assert fitting("handbook of the bank", DOCUMENTS, {}, Fit.PART) == ()


def test_names_that_stand_in_a_text_are_found_and_parts_of_longer_ones_are_not():
    assert [own.name for own in named_in("Added rules-2024.pdf: 3 passages.", DOCUMENTS)] == [
        "rules-2024.pdf"
    ]
    assert named_in("The ruling of the judges.", DOCUMENTS) == ()
    assert [own.name for own in named_in("见《雾砚茶业员工手册》。", DOCUMENTS)] == [NAMES[1]]
