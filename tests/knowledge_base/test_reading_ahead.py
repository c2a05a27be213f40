"""What is said to the system of what is read next changes nothing of what is read."""

from __future__ import annotations

import mmap
import os

import faiss
import numpy as np
import pytest

from knowledge_base import postings, segments
from knowledge_base.index_files import Leg, SavedSegment
from knowledge_base.reading_ahead import FilePlaces, MappedArray
from knowledge_base.segments import Parts


@pytest.fixture
def asked(monkeypatch):
    """(begin, size) of what is asked for of files."""
    told = []
    monkeypatch.setattr(FilePlaces, "soon", lambda _own, begin, size: told.append((begin, size)))
    return told


def test_places_are_found_alike_by_guessing_and_by_searching():
    random = np.random.default_rng(5)
    own = np.unique(random.integers(0, 1 << 64, postings.MANY + 5000, np.uint64, endpoint=False))
    hashes = np.concatenate(
        [own[::997], own[:3], own[-3:], random.integers(0, 1 << 64, 500, np.uint64)]
    )
    hashes = np.append(hashes, np.array([0, (1 << 64) - 1], np.uint64))
    at, known = postings.places(own, hashes)
    wanted = np.minimum(np.searchsorted(own, hashes), len(own) - 1)
    assert at.tolist() == wanted.tolist()
    assert known.tolist() == np.isin(hashes, own).tolist()


def test_places_are_found_where_hashes_are_not_spread_at_all():
    own = np.arange(1 << 40, (1 << 40) + postings.MANY, dtype=np.uint64)
    hashes = np.array([0, 1 << 40, (1 << 40) + 77, 1 << 41, (1 << 64) - 1], np.uint64)
    at, known = postings.places(own, hashes)
    assert known.tolist() == [False, True, True, False, False]
    assert at[1:3].tolist() == [0, 77]


def test_slices_of_a_mapped_file_are_asked_for_whereever_they_begin(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(np.arange(10_000, dtype="<u2").tobytes())
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    array = np.frombuffer(content, "<u2", 7000, 100)
    mapped = MappedArray(content, array)
    mapped.soon(0, 0)
    mapped.soon(3, 4)
    mapped.soon(6000, 7000)
    mapped.whole()
    MappedArray(content, np.zeros(0, "<u2")).whole()
    assert array[6999] == 7049


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system cannot be told")
@pytest.mark.parametrize("kind", ["ivf", "rabitq"])
def test_the_lists_that_a_question_needs_are_asked_for_until_all_are_read(tmp_path, asked, kind):
    random = np.random.default_rng(3)
    vectors = random.standard_normal((3000, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = np.arange(3000)
    made = segments.build(0, 3000, Parts(lambda: iter([(ids, vectors)])), kind)
    written = segments.save(made, tmp_path)
    saved = SavedSegment(Leg.DENSE, 0, 3000, 1, written, kind, 3000)
    loaded = segments.load(tmp_path, saved)
    content = (tmp_path / written.file).read_bytes()
    for row in range(0, 3000, 100):
        scores, at = loaded.nearest(vectors[row], 5)
        wanted, where = made.nearest(vectors[row], 5)
        assert at.tolist() == where.tolist()
        assert scores.tolist() == wanted.tolist()
        if row == 0:
            assert asked
            assert all(begin >= 0 and begin + size <= len(content) for begin, size in asked)
    told = len(asked)
    loaded.nearest(vectors[1], 5)
    assert len(asked) == told
    if kind == "ivf":
        fresh = segments.load(tmp_path, saved)
        asked.clear()
        assert np.allclose(fresh.vectors(ids[:3]), made.vectors(ids[:3]))
        lists, known = made.index.invlists, made.index.direct_map.array
        for position, (begin, size) in enumerate(asked):
            number, place = divmod(int(known.at(position)), 1 << 32)
            codes = faiss.rev_swig_ptr(lists.get_codes(number), (place + 1) * size)
            assert content[begin : begin + size] == codes[place * size :].tobytes()
