"""docs/troubleshooting*.md against what `check` can say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from core.language import DOMAIN, LOCALES

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted((ROOT / "bot" / "checking").glob("*.py"))
DOUBTS = ("warning", "failure")


def told() -> dict[str, set[str]]:
    """By subject, the sentences of all items that are not simply in order.

    Found as they are written in this package: `text` (or `told`) is set before its item is made.
    """
    found: dict[str, set[str]] = {}
    for source in SOURCES:
        for function in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                _collect(function, found)
    return found


def _collect(function: ast.FunctionDef | ast.AsyncFunctionDef, found: dict[str, set[str]]) -> None:
    said: list[tuple[int, str, str]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            sentence = _sentence(node.value)
            if sentence:
                said.append((node.lineno, node.targets[0].id, sentence))
    for node in ast.walk(function):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Item"):
            continue
        state, subject, text = node.args[:3]
        if not (isinstance(state, ast.Constant) and state.value in DOUBTS):
            continue
        if not isinstance(subject, ast.Constant):
            continue  # what is said of any subject
        words = found.setdefault(subject.value, set())
        if isinstance(text, ast.Name):
            before = [s for line, name, s in said if name == text.id and line <= node.lineno]
            words.update(before[-1:])
        elif sentence := _sentence(text):
            words.add(sentence)


def _sentence(node: ast.expr) -> str:
    """Of one that counts, the form for many."""
    if not isinstance(node, ast.Call):
        return ""
    function, at = node.func, 0
    if isinstance(function, ast.Attribute) and function.attr == "plural":
        function, at = function.value, 1
    if getattr(function, "id", "") == "_" and isinstance(node.args[at], ast.Constant):
        return str(node.args[at].value)
    return ""


def chinese() -> dict[str, str]:
    """By the English sentence, the form for many of one that counts."""
    with next(LOCALES.glob(f"zh_CN/LC_MESSAGES/{DOMAIN}.po")).open("rb") as file:
        catalogue = read_po(file, locale="zh_CN")
    return {
        one.id if isinstance(one.id, str) else one.id[-1]: (
            one.string if isinstance(one.string, str) else one.string[-1]
        )
        for one in catalogue
    }


def sections(language: str) -> dict[str, str]:
    name = "troubleshooting.md" if language == "en" else "troubleshooting.zh-CN.md"
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_thing_that_check_can_say_has_its_line_below_its_subject(language):
    written, missing, translated = sections(language), [], chinese()
    assert {"disk", "data", "memory", "engine", "discord", "telegram", "network"} <= set(told())
    for subject, sentences in told().items():
        for sentence in sentences:
            said = sentence if language == "en" else translated[sentence]
            if f"| {said} |" not in written.get(subject, ""):
                missing.append((subject, said))
    assert missing == []


def test_the_reasons_for_no_answer_have_their_lines():
    source = (ROOT / "bot" / "checking" / "reach.py").read_text(encoding="utf-8")
    reasons = set(re.findall(r'"(\{host\}: [^"]+)"', source))
    assert len(reasons) == 10
    assert [one for one in reasons if f"| {one} |" not in sections("en")["network"]] == []


def test_both_languages_have_the_same_sections_and_as_many_lines():
    counts = [
        [len(re.findall(r"^\| ", text, re.MULTILINE)) for text in sections(language).values()]
        for language in ("en", "zh")
    ]
    assert counts[0] == counts[1]
    assert list(sections("en"))[:-2] == list(sections("zh"))[:-2]
