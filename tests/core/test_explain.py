from __future__ import annotations

import inspect

import pytest

from core import errors as core_errors
from core.events import ChannelRef, ConversationRef, Platform
from core.explain import duration, explain
from core.language import words
from knowledge_base import errors as kb_errors

FACTS = {
    "name": "[a](https://evil.test) @everyone `x`",
    "near": ("/help", "/kb list"),
    "usage": "/kb remove NAME",
    "needs": "moderator",
    "filename": "a.pdf",
    "limit_bytes": 50_000_000,
    "key": "knowledge.max_file_mb",
    "media_type": "image/png",
    "limit": 6,
    "budget": "questions",
    "free_bytes": 1_000_000,
    "least_percent": 5.0,
    "retry_after": 30.0,
    "available": ("extractive", "smollm2"),
    "path": "prompts/answer.en.jinja",
    "line": 3,
    "missing": (),
    "unknown": None,
    "engine": "smollm2",
    "target": "http://127.0.0.1:1",
    "tokens": 9000,
    "seconds": 120.0,
    "waiting": 2,
    "conversation": ConversationRef(ChannelRef(Platform.DISCORD, "1")),
    "now": ConversationRef(ChannelRef(Platform.DISCORD, "2")),
    "member": "../evil",
    "embedder": "e5",
    "reranker": "bge-reranker",
    "base": "shared",
    "stored": "e5",
    "configured": "bge",
    "written": 9,
    "known": 3,
    "value": "@everyone",
    "wanted": "group",
    "problem": "missing",
    "detail": "models/llama",
    "period": "day",
    "place": "outside",
    "host": "vectors.example.com",
    "reason": "address",
    "status": None,
    "folder": "data",
    "needed": 5_000_000,
    "free": 1_000_000,
}

ERRORS = [
    kind
    for module in (core_errors, kb_errors)
    for _name, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == module.__name__
]


def example(kind: type[Exception]) -> Exception:
    if "__init__" not in vars(kind) and kind.__init__ is Exception.__init__:
        return kind()
    names = [name for name in inspect.signature(kind.__init__).parameters if name != "self"]
    known = {name: FACTS[name] for name in names if name in FACTS}
    parameters = inspect.signature(kind.__init__).parameters
    positional = [
        known[n]
        for n in names
        if parameters[n].kind is not inspect.Parameter.KEYWORD_ONLY and n in known
    ]
    named = {
        n: known[n]
        for n in names
        if parameters[n].kind is inspect.Parameter.KEYWORD_ONLY and n in known
    }
    return kind(*positional, **named)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_class_has_words_of_its_own_in_both_languages(kind):
    assert kind in explain.registry, "add it to core/explain"
    english, chinese = explain(example(kind), words("en")), explain(example(kind), words("zh"))
    assert english
    assert chinese
    assert english[-1] in ".?"
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    assert "{" not in english + chinese


def test_what_nobody_expected_has_no_words():
    assert explain(ZeroDivisionError(), words("en")) is None


def test_a_name_can_do_nothing_in_a_sentence():
    told = explain(kb_errors.EmptyDocumentError(FACTS["name"] + "\n# big\u202e"), words("en"))
    assert told == "There is no text in `[a](https://evil.test) @everyone ˋxˋ # big`."


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "1 second"), (30, "30 seconds"), (91, "2 minutes"), (7200, "2 hours")],
)
def test_waits_are_told_rounded_up(seconds, told):
    assert duration(seconds, words("en")) == told


@pytest.mark.parametrize(
    ("name", "media_type", "suffix"),
    [
        ("a.doc", "application/msword", ".docx"),
        ("a.ppt", "application/vnd.ms-powerpoint", ".pptx"),
    ],
)
def test_of_files_of_old_office_it_is_told_how_to_convert_them(name, media_type, suffix):
    error = kb_errors.UnsupportedFormatError(name, media_type)
    assert explain(error, words("en")) == (
        f"`{name}` is of the kind that Office wrote before 2007: open it in Word, PowerPoint, WPS "
        f"or LibreOffice, save it as {suffix} or PDF, and send that."
    )
    assert explain(error, words("zh-CN")) == (
        f"`{name}` 是 Office 2007 之前的格式：请用 Word、PowerPoint、WPS 或 LibreOffice 打开，"
        f"另存为 {suffix} 或 PDF 后再发送。"
    )
