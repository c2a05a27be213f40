"""The dense leg: what every `VectorIndex` promises, and how the segments keep it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import byte_rows
from knowledge_base import index as index_module
from knowledge_base import segments as segments_module
from knowledge_base.index import FaissIndex, VectorIndex
from knowledge_base.index_files import DamagedSegmentError, Leg, SavedSegment
from knowledge_base.segments import Ids, build, load, save

DIMENSION = 8


def unit(n: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def no_source(low: int, high: int) -> Iterator[tuple[Ids, np.ndarray]]:
    raise AssertionError("exact segments need no source")


def compact(index: FaissIndex) -> bool:
    plan = index.compaction()
    if plan is None:
        return False
    return index.adopt(plan, plan.run(no_source))


@pytest.fixture
def small_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "TAIL", 50)


@pytest.fixture(params=["tail", "sealed"])
def index(request: pytest.FixtureRequest, small_tail: None) -> VectorIndex:
    """Ten vectors under the ids 100 to 109, in the tail or in a segment."""
    made = FaissIndex(DIMENSION)
    if request.param == "sealed":
        made.add(np.arange(50), unit(50, seed=9))
        made.remove(np.arange(50))
        made.add(np.arange(100, 110), unit(10))
        assert compact(made)
        assert len(made.segments) == 1
    else:
        made.add(np.arange(100, 110), unit(10))
    return made


def test_the_nearest_is_the_vector_itself(index: VectorIndex) -> None:
    for at, vector in enumerate(unit(10)):
        ids, scores = index.nearest(vector, 3)
        assert ids[0] == 100 + at
        assert scores[0] == pytest.approx(1.0, abs=1e-3)
        assert (np.diff(scores) <= 0).all()


def test_hits_are_the_same_as_arrays(index: VectorIndex) -> None:
    vector = unit(1, seed=3)[0]
    ids, scores = index.nearest(vector, 5)
    hits = index.search(vector, 5)
    assert [hit.chunk_id for hit in hits] == ids.tolist()
    assert [hit.score for hit in hits] == scores.tolist()


def test_what_is_removed_is_found_no_longer_and_the_rest_is(index: VectorIndex) -> None:
    index.remove(np.array([101, 105, 7777]))
    ids, _ = index.nearest(unit(10)[1], 10)
    assert sorted(ids.tolist()) == [100, 102, 103, 104, 106, 107, 108, 109]
    assert len(index) == 8


def test_more_is_asked_for_than_there_is(index: VectorIndex) -> None:
    ids, _ = index.nearest(unit(1)[0], 1000)
    assert len(ids) == 10
    index.remove(np.arange(100, 110))
    assert len(index.nearest(unit(1)[0], 1000)[0]) == 0
    assert len(index) == 0


def test_given_ids_are_scored_and_unknown_ones_are_not_a_number(index: VectorIndex) -> None:
    vectors = unit(10)
    index.remove(np.array([104]))
    scores = index.match(vectors[3], np.array([103, 5, 104, 109]))
    assert scores[0] == pytest.approx(1.0, abs=1e-3)
    assert np.isnan(scores[1:3]).all()
    assert scores[3] == pytest.approx(float(vectors[9] @ vectors[3]), abs=1e-3)


def test_ids_ascend(index: VectorIndex) -> None:
    with pytest.raises(ValueError, match="ascend"):
        index.add(np.array([109]), unit(1))
    with pytest.raises(ValueError, match="ascend"):
        index.add(np.array([121, 120]), unit(2))


def test_vectors_of_another_dimension_are_refused(index: VectorIndex) -> None:
    with pytest.raises(ValueError, match="dimensions"):
        index.add(np.array([200]), np.ones((1, DIMENSION + 1), dtype=np.float32))


def test_a_copy_lives_on_unchanged_while_the_other_changes(index: FaissIndex) -> None:
    before = index.copy()
    index.remove(np.array([100]))
    index.add(np.arange(200, 500), unit(300, seed=4))
    assert len(before) == 10
    assert sorted(before.nearest(unit(1)[0], 400)[0].tolist()) == list(range(100, 110))
    assert len(index) == 309


def test_the_sample_does_not_depend_on_the_layout(small_tail: None) -> None:
    one, other = FaissIndex(DIMENSION), FaissIndex(DIMENSION)
    vectors = unit(300)
    one.add(np.arange(300), vectors)
    for start in range(0, 300, 60):
        other.add(np.arange(start, start + 60), vectors[start : start + 60])
        compact(other)
    for made in (one, other):
        made.remove(np.arange(0, 300, 7))
    assert other.segments
    ids, sample = one.sample(100)
    assert 50 <= len(ids) <= 100
    np.testing.assert_array_equal(ids, other.sample(100)[0])
    np.testing.assert_allclose(sample, other.sample(100)[1], atol=1e-3)


def test_segments_stay_few_and_forget_the_dead(small_tail: None) -> None:
    index = FaissIndex(DIMENSION)
    vectors = unit(3000)
    for start in range(0, 3000, 30):
        index.add(np.arange(start, start + 30), vectors[start : start + 30])
        if start % 90 == 0:
            index.remove(np.arange(start, start + 10))
        compact(index)
    assert len(index.segments) <= 8
    alive = [n for n in range(3000) if n % 90 >= 10]
    assert len(index) == len(alive)
    assert sorted(index.nearest(vectors[0], 3000)[0].tolist()) == alive
    kept = sum(len(segment) for segment in index.segments)
    assert kept <= len(alive) * 1.25 + 90


def test_what_happens_during_sealing_is_kept(small_tail: None) -> None:
    index = FaissIndex(DIMENSION)
    index.add(np.arange(60), unit(60))
    plan = index.compaction()
    assert plan is not None
    sealed = plan.run(no_source)
    index.add(np.arange(60, 400), unit(340, seed=2))
    index.remove(np.array([3, 70]))
    assert index.adopt(plan, sealed)
    ids, _ = index.nearest(unit(1)[0], 400)
    assert sorted(ids.tolist()) == [n for n in range(400) if n not in (3, 70)]


def test_a_plan_for_another_state_is_not_adopted(small_tail: None) -> None:
    index = FaissIndex(DIMENSION)
    index.add(np.arange(60), unit(60))
    plan = index.compaction()
    assert plan is not None
    sealed = plan.run(no_source)
    assert index.adopt(plan, sealed)
    assert not index.adopt(plan, sealed)
    assert len(index) == 60


def test_searching_while_another_thread_adds_and_seals(small_tail: None) -> None:
    index = FaissIndex(DIMENSION)
    vectors = unit(6000)
    index.add(np.arange(10), vectors[:10])
    stop = threading.Event()
    wrong: list[str] = []

    def search() -> None:
        while not stop.is_set():
            now = index.copy()
            ids, scores = now.nearest(vectors[5], 10)
            if ids[0] != 5 or len(set(ids.tolist())) != 10 or not np.isfinite(scores).all():
                wrong.append(str(ids))

    searchers = [threading.Thread(target=search) for _ in range(4)]
    for thread in searchers:
        thread.start()
    for start in range(10, 6000, 10):
        index.add(np.arange(start, start + 10), vectors[start : start + 10])
        compact(index)
    stop.set()
    for thread in searchers:
        thread.join()
    assert wrong == []
    assert len(index) == 6000


@pytest.mark.parametrize("kind", ["fp16", "ivf", "rabitq"])
def test_a_segment_comes_back_from_its_file(kind: str, tmp_path: Path) -> None:
    vectors = unit(500)
    made = build(0, 500, [(np.arange(500), vectors)], kind)
    saved = SavedSegment(Leg.DENSE, 0, 500, 1, save(made, tmp_path), kind, 500)
    back = load(tmp_path, saved)
    assert [path.name for path in tmp_path.iterdir()] == [saved.written.file]
    for at in (0, 250, 499):
        _, positions = back.nearest(vectors[at], 1)
        assert back.ids[positions[0]] == at
    np.testing.assert_allclose(back.vectors(np.array([7]))[0], vectors[7], atol=0.02)


@pytest.mark.parametrize("kind", ["ivf", "rabitq"])
def test_a_card_trains_and_loads_what_the_processor_serves(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """With FAISS's own classes of the processor in the card's place."""
    import faiss

    asked = []

    def copied(index: faiss.Index) -> faiss.Index:
        asked.append((index.d, index.ntotal))
        return faiss.clone_index(index)

    vectors = unit(900)
    parts = [(np.arange(at, at + 300), vectors[at : at + 300]) for at in (0, 300, 600)]
    alone = build(0, 900, parts, kind)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(faiss, "index_cpu_to_all_gpus", copied)
    made = build(0, 900, parts, kind)
    assert asked == [(DIMENSION, 0), (DIMENSION, 3)]  # for the training, then with the centres
    for at in range(0, 900, 31):
        scores, places = made.nearest(vectors[at], 3)
        assert places[0] == at
        np.testing.assert_array_equal(places, alone.nearest(vectors[at], 3)[1])
        np.testing.assert_allclose(scores, alone.nearest(vectors[at], 3)[0], rtol=1e-6)


def test_what_two_bits_find_is_put_in_order_by_bytes() -> None:
    import faiss

    vectors = unit(5000, seed=3)
    made = build(0, 5000, [(np.arange(5000), vectors)], "rabitq")
    faiss.extract_index_ivf(made.index).nprobe = 16
    faiss_index = segments_module.build(0, 5000, [(np.arange(5000), vectors)], "ivf")
    found = 0
    for at in range(0, 5000, 50):
        exact = np.argsort(-(vectors @ vectors[at]))[:10]
        scores, places = made.nearest(vectors[at], 10)
        np.testing.assert_allclose(scores, vectors[places] @ vectors[at], atol=0.02)
        assert (np.diff(scores) <= 0).all()
        found += len(np.intersect1d(places, exact))
    assert found > 850
    assert made.nbytes > faiss_index.nbytes  # In memory, as long as it has no file.


def test_large_segments_are_kept_by_what_their_bytes_would_take() -> None:
    assert segments_module.kind_for(100_000, 4096) == "fp16"
    assert segments_module.kind_for(1_300_000, 384) == "ivf"
    assert segments_module.kind_for(1_300_000, 1024) == "rabitq"


@pytest.mark.skipif(os.name == "nt", reason="open files cannot be deleted there")
def test_rows_stay_readable_when_their_file_is_deleted(tmp_path: Path) -> None:
    vectors = unit(700)
    made = build(0, 700, [(np.arange(700), vectors)], "rabitq")
    back = load(tmp_path, SavedSegment(Leg.DENSE, 0, 700, 1, save(made, tmp_path), "rabitq", 700))
    for path in tmp_path.iterdir():
        path.unlink()
    np.testing.assert_array_equal(
        back.vectors(np.array([699, 0])), made.vectors(np.array([699, 0]))
    )
    again = load(tmp_path, SavedSegment(Leg.DENSE, 0, 700, 1, save(back, tmp_path), "rabitq", 700))
    np.testing.assert_array_equal(again.vectors(np.arange(700)), made.vectors(np.arange(700)))


@pytest.mark.parametrize("left", [0, 7, 4096, 9000])
def test_a_file_of_rows_that_is_cut_short_is_noticed(tmp_path: Path, left: int) -> None:
    made = build(0, 700, [(np.arange(700), unit(700))], "rabitq")
    written = save(made, tmp_path)
    path = tmp_path / written.file
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(DamagedSegmentError):
        load(tmp_path, SavedSegment(Leg.DENSE, 0, 700, 1, written, "rabitq", 700))


@pytest.mark.parametrize("by_place", [True, False])
def test_rows_are_read_by_place_or_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_place: bool
) -> None:
    monkeypatch.setattr(byte_rows, "_READS_AT_PLACES", by_place and hasattr(os, "pread"))
    vectors = unit(900, seed=8)
    parts = [byte_rows.rounded(vectors[at : at + 300]) for at in (0, 300, 600)]
    rows = byte_rows.ByteRows.of(parts)
    path = tmp_path / "rows"
    path.write_bytes(b"head" + b"".join(codes.tobytes() for codes, _ in parts))
    filed = byte_rows.FiledRows(path, 4, rows.scales, DIMENSION)
    for at in ([], [0], [899, 3, 3, 450], list(range(900))):
        places = np.array(at, np.int64)
        np.testing.assert_array_equal(filed.take(places), rows.take(places))
        np.testing.assert_allclose(filed.take(places), vectors[places], atol=0.005)
    assert filed.nbytes < rows.nbytes
    assert byte_rows.rounded(np.zeros((1, 4), np.float32))[0].tolist() == [[0, 0, 0, 0]]


def test_an_inverted_file_learns_from_an_even_sample_and_finds_the_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments_module, "TRAINING_VECTORS", 500)
    centres = unit(40, seed=5)
    near = centres[np.arange(8000) * 40 // 8000] + 0.1 * unit(8000, seed=6)
    vectors = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    parts = [(np.arange(at, at + 300), vectors[at : at + 300]) for at in range(0, 7800, 300)]
    sample, count = segments_module._spread(parts)
    assert count == 7800
    assert 250 <= len(sample) <= 500
    each = np.bincount((sample @ centres.T).argmax(axis=1), minlength=39)[:39]
    assert each.min() >= 4
    made = build(0, 7800, parts, "ivf")
    exact = np.argsort(-(vectors[:7800] @ vectors[5000]))[:10]
    found = made.nearest(vectors[5000], 10)[1]
    assert len(np.intersect1d(found, exact)) >= 7  # of near ties, bytes tell some apart no more


def test_quantised_segments_are_merged_from_the_source(
    small_tail: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = unit(400)
    segment = build(0, 100, [(np.arange(100), vectors[:100])], "ivf")
    index = FaissIndex(DIMENSION, (segment,))
    index.add(np.arange(100, 400), vectors[100:])
    index.remove(np.array([5]))
    plan = index.compaction()
    assert plan is not None
    assert plan.start == 0

    def source(low: int, high: int) -> Iterator[tuple[Ids, np.ndarray]]:
        assert (low, high) == (0, 100)
        yield np.arange(100), vectors[:100]

    sealed = plan.run(source)
    assert sealed.lossless
    expected = np.delete(vectors, 5, axis=0).astype(np.float16)
    np.testing.assert_array_equal(sealed.vectors(np.arange(399)), expected)
    again = build(0, 400, [(sealed.ids, sealed.vectors(np.arange(399)))], "fp16")
    np.testing.assert_array_equal(again.vectors(np.arange(399)), expected)


async def test_nothing_of_it_runs_on_an_event_loop(index: FaissIndex) -> None:
    from knowledge_base.offloop import OnEventLoopError

    with pytest.raises(OnEventLoopError):
        index.nearest(unit(1)[0], 1)
    with pytest.raises(OnEventLoopError):
        index.add(np.array([900]), unit(1))
    with pytest.raises(OnEventLoopError):
        index.remove(np.array([1]))
