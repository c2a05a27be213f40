"""The lexical leg against BM25 written down naively."""

import math
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base import lexical, term_segments
from knowledge_base.lexical import K1, SMOOTHING, B, LexicalIndex, weigh
from knowledge_base.terms import NO_TERMS, pack_terms, script_code, terms_of

WORDS = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen"]
documents = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


def index_of(texts: dict[int, str]) -> LexicalIndex:
    index = LexicalIndex()
    index.add(np.array(list(texts), np.int64), [pack_terms(terms_of(t)) for t in texts.values()])
    return index


def query_for(question: str, *indexes: LexicalIndex):
    terms = terms_of(question)
    parts = [index.statistics(terms) for index in indexes]
    return weigh(terms, sum(parts[1:], start=parts[0]))


def naive(texts: dict[int, str], question: str) -> dict[int, float]:
    split = {key: text.split() for key, text in texts.items()}
    average = sum(map(len, split.values())) / len(split)
    scores = {}
    for key, words in split.items():
        score = 0.0
        for term in set(question.split()):
            frequency = sum(term in other for other in split.values())
            chunks = len(split) + SMOOTHING
            weight = math.log1p((chunks - frequency + 0.5) / (frequency + 0.5))
            count = words.count(term)
            score += weight * count * (K1 + 1) / (count + K1 * (1 - B + B * len(words) / average))
        if score:
            scores[key] = score
    return scores


def found(index: LexicalIndex, question: str, limit: int = 1000) -> dict[int, float]:
    ids, scores = index.search(query_for(question, index), limit)
    return dict(zip(ids.tolist(), scores.tolist(), strict=True))


steps = st.lists(
    st.one_of(
        st.lists(documents, min_size=1, max_size=4).map(lambda texts: ("add", texts)),
        st.sets(st.integers(0, 40), min_size=1, max_size=4).map(lambda ids: ("remove", ids)),
        st.dictionaries(st.integers(0, 40), documents, min_size=1, max_size=4).map(
            lambda texts: ("amend", texts)
        ),
        st.just(("merge", None)),
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)
@given(steps, documents, st.booleans())
def test_scores_are_those_of_what_is_alive(history, question, packed):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(term_segments, "PACKED_FROM", 1 if packed else 1000)
        go_through(history, question)


def go_through(history, question):
    index, alive, following = LexicalIndex(), {}, 0
    for kind, what in history:
        if kind == "add":
            new = {following + n: text for n, text in enumerate(what)}
            following += len(new)
            alive |= new
            index.add(np.array(list(new)), [pack_terms(terms_of(t)) for t in new.values()])
        elif kind == "amend":
            new = {key: what[key] for key in sorted(what.keys() & alive.keys())}
            alive |= new
            index.amend(np.array(list(new)), [pack_terms(terms_of(t)) for t in new.values()])
        elif kind == "merge":
            while (due := index.merge()) is not None:
                assert index.adopt(due, due.run())
        else:
            index.remove(np.array(sorted(what)))
            alive = {key: text for key, text in alive.items() if key not in what}
    assert len(index) == len(alive)
    if not alive:
        assert found(index, question) == {}
        return
    expected = naive(alive, question)
    actual = found(index, question)
    assert actual.keys() == expected.keys()
    assert actual == pytest.approx(expected, rel=1e-5)
    ids = np.arange(following)
    match = index.match(query_for(question, index), ids)
    assert dict(enumerate(match.scores)) == pytest.approx(
        {key: expected.get(key, 0.0) for key in range(following)}, rel=1e-5
    )


def test_best_first_and_ties_by_id():
    index = index_of({5: "cat", 3: "cat", 9: "cat cat dog"})
    ids, scores = index.search(query_for("cat dog", index), 2)
    assert ids.tolist() == [9, 3]
    assert scores[0] > scores[1]


def test_statistics_are_joint_over_the_searched_bases_only():
    one, other, stranger = index_of({1: "cat dog"}), index_of({2: "cat"}), index_of({3: "dog " * 9})
    alone = query_for("cat dog", one, other)
    together = query_for("cat dog", index_of({1: "cat dog", 2: "cat"}))
    assert np.allclose(alone.weights, together.weights)
    assert alone.average_length == together.average_length
    assert not np.allclose(alone.weights, query_for("cat dog", one, other, stranger).weights)


def test_coverage_and_matched_share():
    index = index_of({1: "cat dog", 2: "cat", 3: "elk"})
    match = index.match(query_for("cat dog", index), np.array([1, 2, 3, 77]))
    assert match.matched[0] == pytest.approx(1.0)
    assert 0 < match.matched[1] < 1
    assert match.matched[2:].tolist() == [0.0, 0.0]
    assert np.all((match.coverage >= 0) & (match.coverage <= 1))


def test_known_is_the_share_of_weight_that_some_chunk_has():
    index = index_of({1: "cat dog", 2: "cat"})
    assert query_for("cat", index).known == 1.0
    assert query_for("zebra", index).known == 0.0
    assert 0 < query_for("cat zebra", index).known < 0.5
    assert query_for("", index).known == 0.0


def test_common_terms_find_only_when_nothing_else_is_left(monkeypatch):
    monkeypatch.setattr(lexical, "COMMON_FROM", 20)
    index = index_of({n: "the cat" if n else "the dog" for n in range(30)})
    assert list(found(index, "the dog")) == [0]
    assert len(found(index, "the")) == 30
    assert len(found(index, "the zebra")) == 30
    scored = index.match(query_for("the dog", index), np.array([0, 1]))
    assert scored.scores[1] > 0


def test_an_empty_index_finds_nothing():
    index = LexicalIndex()
    assert found(index, "cat") == {}
    assert len(index) == 0
    assert index.match(query_for("cat", index), np.array([1])).scores.tolist() == [0.0]
    index.remove(np.array([1]))
    index.add(np.zeros(0, np.int64), [])


def test_a_chunk_without_terms_is_there_and_never_found():
    index = index_of({1: "…", 2: "cat"})
    assert len(index) == 2
    assert list(found(index, "cat")) == [2]


def test_without_words_every_chunk_still_has_its_script():
    index = index_of({0: "a hut", 1: "图书馆"})
    match = index.match(weigh(NO_TERMS, index.statistics(NO_TERMS)), np.arange(3))
    assert match.scripts.tolist() == [script_code("LATIN"), script_code("HAN"), 0]
    assert not np.concatenate([match.scores, match.coverage, match.matched]).any()


def test_scripts_and_an_even_sample():
    index = index_of({n: "cat" if n % 2 else "猫" for n in range(100)})
    ids, scripts = index.sample(10)
    assert len(ids) == 10
    assert scripts.tolist() == index.match(query_for("cat", index), ids).scripts.tolist()
    everything, codes = index.sample(1000)
    assert everything.tolist() == list(range(100))
    assert len(set(codes.tolist())) == 2
    index.remove(np.arange(1, 100))
    assert index.sample(10)[0].tolist() == [0]


def test_ids_and_chunks_must_pair():
    with pytest.raises(ValueError, match="2 ids for 1"):
        LexicalIndex().add(np.array([1, 2]), [pack_terms(terms_of("a"))])


def test_segments_stay_few_and_shrink_with_what_is_removed():
    index = LexicalIndex()
    for n in range(700):
        index.add(np.array([n]), [pack_terms(terms_of(f"cat {n}"))])
    assert len(index.segments) <= 40
    full = index.nbytes
    index.remove(np.arange(700))
    assert (len(index), index.nbytes) == (0, 0)
    assert full > 0


def test_searching_while_another_thread_adds():
    index, stop, failures = LexicalIndex(), threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            query = query_for("cat", index)
            ids, scores = index.search(query, 50)
            if len(ids) != len(set(ids.tolist())) or np.any(np.diff(scores) > 0):
                failures.append(ids)

    asking = threading.Thread(target=ask)
    asking.start()
    for n in range(300):
        index.add(np.array([n]), [pack_terms(terms_of(f"cat word{n}"))])
        if n % 3 == 0:
            index.remove(np.array([n]))
    stop.set()
    asking.join()
    assert failures == []
    assert len(index) == 200


def parts_of(count: int, size: int) -> LexicalIndex:
    index = LexicalIndex()
    for part in range(count):
        ids = np.arange(part * size, (part + 1) * size)
        index.add(ids, [pack_terms(terms_of(f"cat {WORDS[n % 8]} n{n}")) for n in ids])
    return index


def test_large_merges_are_left_to_the_background_and_change_no_result():
    index = parts_of(8, 300)
    before = found(index, "cat fox n77")
    merge = index.merge()
    assert merge is not None
    assert len(index.segments) == 8

    assert index.adopt(merge, merge.run())

    assert len(index.segments) == 1
    assert found(index, "cat fox n77") == pytest.approx(before)
    assert index.merge() is None


def test_a_merge_keeps_what_was_added_meanwhile_and_gives_way_to_what_was_removed():
    index = parts_of(8, 300)
    merge = index.merge()
    merged = merge.run()
    index.add(np.array([9000]), [pack_terms(terms_of("zebra"))])
    assert index.adopt(merge, merged)
    assert set(found(index, "zebra")) == {9000}
    assert len(index) == 2401

    other = parts_of(8, 300)
    merge = other.merge()
    merged = merge.run()
    other.remove(np.array([5]))
    assert not other.adopt(merge, merged)
    assert 5 not in found(other, "cat", 5000)


def test_words_of_many_chunks_that_changed_are_made_one_with_the_others():
    index = parts_of(4, 300)
    few, many = np.arange(310, 320), np.arange(600, 900)
    index.amend(few, [pack_terms(terms_of("zebra")) for _ in few])
    assert index.merge() is None  # too few to be worth it
    index.amend(many[::-1][::2][::-1], [pack_terms(terms_of("yak"))] * 150)
    before = {question: found(index, question) for question in ("zebra", "yak", "cat fox n311")}
    assert set(before["zebra"]) == set(few.tolist())
    assert set(before["yak"]) == set(many[1::2].tolist())

    while (due := index.merge()) is not None:
        assert index.adopt(due, due.run())

    assert [segment.living for segment in index.segments] == [300, 290, 300, 300]
    assert len(index) == 1200
    for question, scores in before.items():
        assert found(index, question) == pytest.approx(scores)
    assert index.older_in(index.segments[1]).tolist() == few.tolist()
    index.remove(np.arange(300, 900))
    assert len(index) == 600
    assert found(index, "zebra yak") == {}


def test_chunks_that_change_while_they_are_made_one_with_the_others_have_their_last_words():
    index = parts_of(2, 100)
    index.amend(np.arange(50), [pack_terms(terms_of("zebra"))] * 50)
    due = index.merge()
    made = due.run()
    index.amend(np.array([150]), [pack_terms(terms_of("gnat"))])
    assert index.adopt(due, made)  # it is about others
    index.amend(np.arange(60), [pack_terms(terms_of("okapi"))] * 60)
    due = index.merge()
    made = due.run()
    index.amend(np.array([7]), [pack_terms(terms_of("gnat"))])
    assert not index.adopt(due, made)
    assert set(found(index, "gnat")) == {7, 150}
    assert 7 not in found(index, "okapi zebra")
    assert len(index) == 200


def natural(count: int, seed: int) -> list[str]:
    """Words of a few letters by Zipf's law, in texts of uneven length."""
    random = np.random.default_rng(seed)
    texts = []
    for length in random.integers(1, 60, count):
        words = (random.random(length) ** 3 * 400).astype(int)
        texts.append(" ".join(f"{chr(97 + word % 26)}{word}" for word in words))
    return texts


@pytest.mark.parametrize("seed", range(3))
def test_packing_changes_no_score_and_no_rank(seed, monkeypatch):
    texts = natural(1500, seed)
    packed_terms = [pack_terms(terms_of(text)) for text in texts]
    indexes = []
    for packed_from in (1, 10_000):
        monkeypatch.setattr(term_segments, "PACKED_FROM", packed_from)
        index = LexicalIndex()
        for begin in range(0, len(texts), 500):
            ids = np.arange(begin, begin + 500)
            index.add(ids, packed_terms[begin : begin + 500])
        index.remove(np.arange(3, 1500, 11))
        indexes.append(index)
    tight, loose = indexes
    assert tight.nbytes < loose.nbytes / 2
    for question in natural(40, seed + 100):
        query = query_for(question, loose)
        np.testing.assert_array_equal(query.weights, query_for(question, tight).weights)
        for one, other in zip(tight.search(query, 60), loose.search(query, 60), strict=True):
            np.testing.assert_array_equal(one, other)
        ids = np.arange(0, 1500, 7)
        np.testing.assert_array_equal(
            tight.match(query, ids).scores, loose.match(query, ids).scores
        )
