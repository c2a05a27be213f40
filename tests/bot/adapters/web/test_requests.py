from __future__ import annotations

import pytest

from bot.adapters.web.requests import addition, locale_of, message, stop_request
from core.errors import AttachmentTooLargeError


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en;q=0.5, zh-TW;q=0.8", "zh-TW"),
        ("de", "de"),
        ("", "en"),
        ("en;q=x", "en"),
    ],
)
def test_the_language_is_what_the_browser_wants_most(header, locale):
    assert locale_of({"accept-language": header}) == locale


def test_without_the_header_it_is_english():
    assert locale_of({}) == "en"


def test_no_base_picked_leaves_the_choice_to_the_core():
    assert message("t", "hello").bases is None
    assert message("t", "hello", bases=["a"]).bases == ("a",)


def test_stop_goes_to_the_conversation_of_the_page():
    request = stop_request("t")
    assert request.command is not None
    assert (request.command.name, request.conversation.thread_id) == ("stop", "t")


async def test_an_upload_is_copied_within_its_limit(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    attachment = addition("t", tmp_path / "a.txt", "shared", "en").attachments[0]
    await attachment.save(tmp_path / "copy.txt", 5)
    assert (tmp_path / "copy.txt").read_text() == "hello"
    with pytest.raises(AttachmentTooLargeError):
        await attachment.save(tmp_path / "other.txt", 4)
