"""Two legs, several bases, one ranking."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from knowledge_base.calibration import Calibration, DenseProfile
from knowledge_base.lexical import LexicalIndex
from knowledge_base.models import Legs
from knowledge_base.retrieval import SAMPLE, Query, distinct, search
from knowledge_base.terms import pack_terms, terms_of

DIMENSION = 32


class Exact:
    """Exact inner products, over ids that need not be dense."""

    def __init__(self, ids, vectors):
        self.ids, self._vectors = ids, vectors

    def nearest(self, vector, limit):
        cosines = self._vectors @ vector
        order = np.argsort(-cosines)[:limit]
        return self.ids[order], cosines[order]

    def vectors(self, ids):
        return self._vectors[np.searchsorted(self.ids, ids)]

    def match(self, vector, ids):
        place = {int(key): at for at, key in enumerate(self.ids)}
        rows = [place.get(int(key)) for key in ids]
        return np.array(
            [np.nan if row is None else self._vectors[row] @ vector for row in rows], np.float32
        )


@dataclass(frozen=True)
class Base:
    fingerprint: str | None
    dense: Exact
    lexical: LexicalIndex
    calibration: Calibration | None

    @property
    def sample(self):
        ids, scripts = self.lexical.sample(SAMPLE)
        there = np.isin(ids, self.dense.ids)
        return self.dense.vectors(ids[there]), scripts[there]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def base_of(texts, vectors, fingerprint="f", trust=1.0, first=0):
    ids = np.arange(first, first + len(texts), dtype=np.int64)
    lexical = LexicalIndex()
    lexical.add(ids, [pack_terms(terms_of(text)) for text in texts])
    profiles = tuple(DenseProfile(s, 0.0, DIMENSION**-0.5, trust) for s in ("", "LATIN"))
    calibration = Calibration(fingerprint or "", len(texts), profiles)
    return Base(fingerprint, Exact(ids, vectors), lexical, calibration)


@pytest.fixture
def vectors():
    return unit(np.random.default_rng(1).normal(size=(40, DIMENSION)))


TEXTS = [f"Passage about subject{n} and its history" for n in range(40)]


def ask(text, vector=None, fingerprint="f"):
    return Query(text, {} if vector is None else {fingerprint: vector})


def test_both_legs_find_and_judge(vectors):
    base = base_of(TEXTS, vectors)
    ranked = search(ask("What about subject7?", vectors[21]), [base], 5)
    assert {hit.chunk_id for hit in ranked[:2]} == {7, 21}
    by_id = {hit.chunk_id: hit for hit in ranked}
    assert by_id[21].dense == pytest.approx(1.0, abs=1e-5)
    assert by_id[7].lexical > by_id[21].lexical
    assert len(ranked) == 5


def test_relevance_never_rises_down_the_list(vectors):
    for n in range(10):
        ranked = search(
            ask(f"history of subject{n}", vectors[n + 9]), [base_of(TEXTS, vectors)], 40
        )
        relevances = [hit.relevance for hit in ranked]
        assert len(relevances) > 1
        assert relevances == sorted(relevances, reverse=True)
        assert all(0 <= value <= 1 for value in relevances)


def test_each_leg_alone(vectors):
    base, query = base_of(TEXTS, vectors), ask("subject7", vectors[21])
    assert search(query, [base], 1, Legs.DENSE)[0].chunk_id == 21
    assert search(query, [base], 1, Legs.LEXICAL)[0].chunk_id == 7
    assert search(query, [base], 1, Legs.LEXICAL)[0].dense is None


def test_an_embedder_that_knows_nothing_is_not_listened_to(vectors):
    ranked = search(ask("subject7", vectors[21]), [base_of(TEXTS, vectors, trust=0.0)], 2)
    assert ranked[0].chunk_id == 7


def test_words_that_the_base_does_not_have_are_no_evidence(vectors):
    ranked = search(ask("谁写了这本书", vectors[21]), [base_of(TEXTS, vectors)], 2)
    assert ranked[0].chunk_id == 21


def test_in_a_base_of_two_languages_each_is_measured_by_itself():
    english = unit(np.ones(DIMENSION))
    meanings = unit(np.random.default_rng(4).normal(size=(40, DIMENSION)))
    meanings = unit(meanings - np.outer(meanings @ english, english))
    languages = np.where(np.arange(40) < 20, 1.0, -1.0)[:, None] * english
    vectors = unit(meanings + languages)  # the embedder holds what is English for alike
    texts = [*TEXTS[:20], *(f"第{n}段讲的是另一种事物的历史与现状" for n in range(20))]
    asked = unit(meanings[30] + english)
    assert int(np.argmax(vectors @ asked)) < 20
    profile = DenseProfile("LATIN", 0.5, 0.1, 1.0, -0.5, 0.1)
    base = replace(base_of(texts, vectors), calibration=Calibration("f", 40, (profile,)))
    ranked = search(ask("a question of different words entirely", asked), [base], 2)
    assert ranked[0].chunk_id == 30


def test_without_a_vector_the_lexical_leg_serves(vectors):
    ranked = search(ask("subject7"), [base_of(TEXTS, vectors)], 3)
    assert ranked[0].chunk_id == 7
    assert search(ask("subject7", vectors[0], "other"), [base_of(TEXTS, vectors)], 3) == ranked


def test_several_bases_are_searched_as_one(vectors):
    parts = [base_of(TEXTS[:15], vectors[:15]), base_of(TEXTS[15:], vectors[15:], first=15)]
    query = ask("What about subject7?", vectors[21])
    whole = search(query, [base_of(TEXTS, vectors)], 10)
    apart = search(query, parts, 10)
    assert [hit.chunk_id for hit in apart] == [hit.chunk_id for hit in whole]
    assert [hit.relevance for hit in apart] == pytest.approx([hit.relevance for hit in whole])


def test_bases_of_different_embedders_stand_side_by_side(vectors):
    other = unit(np.random.default_rng(2).normal(size=(10, 8)))
    bases = [
        base_of(TEXTS[:30], vectors[:30]),
        base_of(TEXTS[30:], other, "g", first=30),
        base_of(["subject77 alone"], vectors[:1], None, first=90),
    ]
    query = Query("subject77", {"f": vectors[3], "g": other[4]})
    assert {hit.chunk_id for hit in search(query, bases, 3)} == {3, 34, 90}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_tiny_base_refuses_what_it_does_not_know(vectors, size):
    base = base_of(TEXTS[:size], vectors[:size])
    assert search(ask("How do I renew my passport?", vectors[30]), [base], 5)[0].relevance < 0.35
    assert search(ask("history of subject0", vectors[0]), [base], 5)[0].relevance > 0.5


def test_a_base_that_was_never_measured(vectors):
    measured = base_of(TEXTS, vectors)
    bare = Base("f", measured.dense, measured.lexical, None)
    assert search(ask("subject7", vectors[7]), [bare], 1)[0].chunk_id == 7
    tiny = base_of(TEXTS[:2], vectors[:2])
    bare = Base("f", tiny.dense, tiny.lexical, None)
    assert search(ask("passport renewal", vectors[1]), [bare], 1)[0].relevance < 0.3


def test_nothing_to_search():
    assert search(ask("anything"), [], 5) == []
    empty = base_of([], np.zeros((0, DIMENSION), np.float32))
    assert search(ask("anything", np.ones(DIMENSION, np.float32)), [empty], 5) == []


def test_a_question_without_words(vectors):
    assert search(ask("???"), [base_of(TEXTS, vectors)], 5) == []
    ranked = search(ask("???", vectors[4]), [base_of(TEXTS, vectors)], 5)
    assert ranked[0].chunk_id == 4


def test_a_chunk_the_index_lost_is_still_found_by_words(vectors):
    whole = base_of(TEXTS, vectors)
    dense = Exact(whole.dense.ids[:5], vectors[:5])
    base = Base("f", dense, whole.lexical, whole.calibration)
    hit = search(ask("subject7", vectors[1]), [base], 10)
    assert 7 in {h.chunk_id for h in hit}
    assert next(h for h in hit if h.chunk_id == 7).dense is None


def test_near_duplicates_are_dropped_and_rows_are_not():
    prose = "The library is open every day from nine to five except on public holidays in May"

    def kept(texts, limit=None):
        return distinct(((text, terms_of(text)) for text in texts), limit)

    assert kept([prose, prose + ".", "Something else", prose.upper()]) == [0, 2]
    assert kept([f"{prose} room {n}" for n in (1, 2, 3)]) == [0, 1, 2]
    assert kept([]) == []
    assert kept(["a", "a", "b", "c"], 2) == [0, 2]
