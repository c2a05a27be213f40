"""Importers and the reader of questions: whatever comes, an answer or one of our errors."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge_base import bundle
from knowledge_base.errors import RejectedDocumentError
from knowledge_base.lexical import LexicalIndex, weigh
from knowledge_base.loaders.langchain import lay_out, passages
from knowledge_base.models import Section
from knowledge_base.settings import ReaderLimits
from knowledge_base.splitter import pieces
from knowledge_base.terms import pack_terms, script_of, shown_terms, terms_of, word_spans
from tests.support.documents import zip_bytes
from tests.support.langchain_folders import write_by_hand
from tests.support.mutation import spoiled

LIMITS = ReaderLimits(max_import_mb=20)
ROUNDS = 150
ANY_TEXT = st.text(st.characters(codec=None), max_size=300)
ALMOST_ANY = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _exported() -> bytes:
    files = {f"documents/{n}": f"The gate opens at {n}. 字".encode() for n in range(3)}
    told = [
        {
            "name": f"{name[-1]}.md",
            "file": name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "version": 1,
            "added_at": "2026-01-01T00:00:00+00:00",
            "media_type": "text/markdown",
        }
        for name, content in files.items()
    ]
    manifest = {"format": bundle.FORMAT, "version": bundle.VERSION, "documents": told}
    return zip_bytes({bundle.MANIFEST: json.dumps(manifest), **files})


def test_an_export_with_something_wrong_is_taken_whole_or_refused(tmp_path: Path):
    good, chance = _exported(), random.Random("exports")
    path, folder = tmp_path / "base.zip", tmp_path / "unpacked"
    came_to = set[str]()
    for number in range(ROUNDS):
        path.write_bytes(spoiled(good, chance) if number else good)
        folder.mkdir()
        try:
            taken = bundle.unpack(path, "base.zip", LIMITS, folder)
            for entry, file in taken:
                assert hashlib.sha256(file.read_bytes()).hexdigest() == entry.sha256
            came_to.add("taken")
        except RejectedDocumentError as error:
            came_to.add(type(error).__name__)
        shutil.rmtree(folder)
    assert {"taken", "UnreadableDocumentError"} <= came_to


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_langchain_store_with_something_wrong_runs_nothing_and_ends_nothing(
    tmp_path: Path, protocol
):
    write_by_hand(tmp_path / "good", protocol=protocol)
    good = (tmp_path / "good" / "index.pkl").read_bytes()
    chance = random.Random(protocol)
    path = tmp_path / "index.pkl"
    for number in range(ROUNDS):
        path.write_bytes(spoiled(good, chance) if number else good)
        folder = tmp_path / "laid"
        folder.mkdir()
        try:
            found = passages(path, "index.pkl")
            laid = list(lay_out(path, "index.pkl", LIMITS, folder))
        except (RejectedDocumentError, MemoryError):  # the worker tells that there is too little
            assert number
        else:
            assert sum(len(json.loads(f.read_bytes())["chunks"]) for _, f in laid) == len(found)
        shutil.rmtree(folder)


@given(ANY_TEXT)
@ALMOST_ANY
def test_any_question_is_read(text):
    pack_terms(terms_of(text))
    shown_terms(text)
    script_of(text)
    assert all(0 <= start < end <= len(text) for start, end in word_spans(text))


@given(st.lists(ANY_TEXT, max_size=4), ANY_TEXT)
@ALMOST_ANY
def test_any_question_is_searched_in_any_texts(texts, question):
    import numpy as np

    index = LexicalIndex()
    packed = [pack_terms(terms_of(text)) for text in texts]
    index.add(np.arange(len(texts), dtype=np.int64), packed)
    asked = terms_of(question)
    found, scores = index.search(weigh(asked, index.statistics(asked)), 10)
    assert len(found) == len(scores) <= len(texts)
    assert bool(np.isfinite(scores).all())


@given(st.lists(st.tuples(ANY_TEXT, st.none() | ANY_TEXT, st.booleans()), max_size=5),
       st.integers(8, 60))  # fmt: skip
@ALMOST_ANY
def test_any_sections_are_split_and_none_of_their_letters_is_lost(told, most):
    sections = [Section(text, heading, None, records) for text, heading, records in told]
    split = list(pieces(sections, len, most, max(most // 2, 1)))
    before = "".join("".join(text.split()) for text, _, _ in told)
    together = "".join("".join(piece.text.split()) for piece in split)
    assert all(together.count(letter) >= before.count(letter) for letter in set(before))
