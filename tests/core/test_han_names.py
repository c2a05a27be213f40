"""Names of people in Chinese sentences."""

from __future__ import annotations

import pytest

from core.han_names import han_names, is_misnamed


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("主讲人是退休教师沈若棠，名额30人", {"沈若棠"}),
        ("团体申请请联系公众教育部的柯予安。", {"柯予安"}),
        ("由财务总监闻人澈批准", {"闻人澈"}),
        ("阮秋禾担任理事长。", {"阮秋禾"}),
        ("合作社的会计是包世昌", {"包世昌"}),
        ("总馆周二至周五开放", set()),
        ("价格是每升九元", set()),
    ],
)
def test_a_name_is_known_by_its_surname_and_what_stands_around_it(text, names):
    assert han_names(text) == names


def test_one_letter_makes_another_person():
    assert is_misnamed({"沈若兰"}, "主讲人是退休教师沈若棠，名额30人")
    assert not is_misnamed({"沈若棠"}, "主讲人是退休教师沈若棠，名额30人")
    assert not is_misnamed({"王大明"}, "主讲人是退休教师沈若棠，名额30人")
