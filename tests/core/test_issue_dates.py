"""The date that a document gives itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.issue_dates import issued, order
from tests.support.passages import passage


def dated(name="handbook.md", text="The gate opens at nine.", heading=None, ordinal=0):
    made = passage(name, text, heading=heading)
    return issued(replace(made, chunk=replace(made.chunk, ordinal=ordinal)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("policy-2025.pdf", "2025"),
        ("policy_2025_03.pdf", "2025-03"),
        ("policy 2025-03-01 final.pdf", "2025-03-01"),
        ("20250301-policy.pdf", "2025-03-01"),
        ("Policy March 2025.pdf", "2025-03"),
        ("管理办法2025年3月版.docx", "2025-03"),
        ("管理办法（2025）.docx", "2025"),
        ("规定2025年3月1日.docx", "2025-03-01"),
    ],
)
def test_it_stands_in_the_name(name, expected):
    assert str(dated(name)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Stand: 3 March 2025\n\nThe gate opens at nine.", "2025-03-03"),
        ("House rules\nLast updated March 3rd, 2025\n\nThe gate opens at nine.", "2025-03-03"),
        ("Fees 2025\n\nThe gate opens at nine.", "2025"),
        ("游泳馆须知\n2025年3月版\n\n票价2元。", "2025-03"),
        ("游泳馆须知\n更新日期：2025-03-01\n\n票价2元。", "2025-03-01"),
    ],
)
def test_it_stands_in_the_first_lines(text, expected):
    assert str(dated(text=text)) == expected
    assert dated(text=text, ordinal=1) is None


def test_it_stands_in_the_title():
    assert str(dated(heading="Fees 2025 › Pool", ordinal=3)) == "2025"
    assert str(dated(heading="2025年收费标准")) == "2025"
    assert dated(heading="The flood of 2025", ordinal=3) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("handbook.md", "The gate opens at nine."),
        ("handbook.md", "On 3 March 2025 the gate was opened."),
        ("handbook.md", "2025年3月1日，大门开放。"),
        ("handbook.md", "Valid from 1 May 2025 to 3 June 2026\n\nThe gate opens at nine."),
        ("season-2024-2025.pdf", "The gate opens at nine."),
        ("policy-2024.pdf", "Stand: 3 March 2025\n\nThe gate opens at nine."),
        ("rfc2024.txt", "The gate opens at nine."),
        ("plan-2050.pdf", "The gate opens at nine."),
        ("2025-13-40.pdf", "The gate opens at nine."),
    ],
)
def test_there_is_none_where_there_is_no_plain_one(name, text):
    assert dated(name, text) is None


def test_what_is_told_less_exactly_has_no_order():
    year, month, other = dated("a-2025.pdf"), dated("a-2025-03.pdf"), dated("a-2025-04.pdf")
    assert order(year, month) == order(month, year) == order(month, None) == 0
    assert order(month, other) < 0 < order(other, month)


def test_the_name_and_the_first_lines_may_say_the_same():
    assert str(dated("policy-2025.pdf", "As of 3 March 2025\n\nOpen at nine.")) == "2025-03-03"
