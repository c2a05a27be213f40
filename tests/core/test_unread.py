"""Pages that were not read are named in a sentence."""

from __future__ import annotations

import pytest

from core.language import words
from core.unread import ranges, unread_pages


@pytest.mark.parametrize(
    ("pages", "english", "chinese"),
    [
        ((), "", ""),
        (
            (4,),
            "Page 4 is a picture and was not read: whoever runs me can install the extra `ocr`.",
            "第 4 页是图片，没有读取：运行我的人可以安装附加组件 `ocr`。",
        ),
        (
            (2, 3, 4, 9),
            "Pages 2–4, 9 are pictures and were not read: whoever runs me can install the extra "
            "`ocr`.",
            "第 2–4、9 页是图片，没有读取：运行我的人可以安装附加组件 `ocr`。",
        ),
    ],
)
def test_they_are_named_in_both_languages_with_what_mends_it(pages, english, chinese):
    assert unread_pages(pages, words("en")) == english
    assert unread_pages(pages, words("zh-CN")) == chinese


def test_of_very_many_the_first_are_named():
    assert ranges(range(1, 60, 2), words("en")) == "1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23…"
