"""Packed postings are the loose ones, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base import packing
from knowledge_base.packed import PackedTerms
from knowledge_base.packing import packed
from knowledge_base.postings import MAX_COUNT, TermArrays

UNKNOWN = 12345


def arrays_of(chunks: int, lists: list[dict[int, int]]) -> TermArrays:
    """Of each term, how often it occurs in which chunk."""
    sizes = [len(postings) for postings in lists]
    return TermArrays(
        chunk_ids=np.arange(chunks, dtype=np.int64) * 3 + 7,
        lengths=np.ones(chunks, np.float32),
        scripts=np.ones(chunks, np.uint8),
        hashes=(np.arange(len(lists), dtype=np.uint64) + np.uint64(1)) << np.uint64(50),
        offsets=np.append(0, np.cumsum(sizes, dtype=np.int64)),
        ordinals=np.array([o for postings in lists for o in sorted(postings)], np.int32),
        counts=np.array([p[o] for p in lists for o in sorted(p)], np.uint8),
    )


def assert_same(loose: TermArrays, tight: PackedTerms, asked: np.ndarray) -> None:
    back = tight.loose()
    some = np.flatnonzero(np.diff(loose.offsets))
    np.testing.assert_array_equal(back.hashes, loose.hashes[some])
    for name in ("chunk_ids", "lengths", "scripts", "ordinals", "counts"):
        np.testing.assert_array_equal(getattr(back, name), getattr(loose, name))
    np.testing.assert_array_equal(np.diff(back.offsets), np.diff(loose.offsets)[some])
    hashes = np.append(loose.hashes[::-1], np.uint64(UNKNOWN))
    np.testing.assert_array_equal(tight.frequencies(hashes), loose.frequencies(hashes))
    one, other = tight.of(hashes), loose.of(hashes)
    np.testing.assert_array_equal(one.sizes, other.sizes)
    np.testing.assert_array_equal(one.ordinals, other.ordinals)
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_array_equal(tight.counts_at(hashes, asked), loose.counts_at(hashes, asked))


counts = st.one_of(st.just(1), st.integers(1, 20), st.integers(1, MAX_COUNT))
chunks_and_lists = st.integers(1, 90).flatmap(
    lambda chunks: st.tuples(
        st.just(chunks),
        st.lists(st.dictionaries(st.integers(0, chunks - 1), counts, max_size=chunks), max_size=6),
        st.lists(st.integers(0, chunks - 1), min_size=1, max_size=20),
    )
)


@settings(deadline=None)
@given(chunks_and_lists)
def test_small_ones_come_back(made: tuple[int, list[dict[int, int]], list[int]]) -> None:
    chunks, lists, asked = made
    loose = arrays_of(chunks, lists)
    assert_same(loose, packed(loose), np.array(asked))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([1, 700, 1 << 20]))
def test_ones_of_every_density_come_back(seed: int, at_once: int) -> None:
    """Gaps that fit a byte, two, and neither; counts that go on from one step into the next."""
    random = np.random.default_rng(seed)
    chunks = int(random.integers(1, 200_000))
    lists = []
    for share in (0.0, 1e-5, 1e-4, 1e-3, 4e-3, 0.02, 0.1, 0.6):
        most = max(1, int(share * min(chunks, 40_000)))
        own = random.choice(chunks, min(most, chunks), replace=False)
        often = np.minimum(random.geometric(0.7, len(own)), MAX_COUNT)
        often[random.random(len(own)) < 0.002] = random.integers(100, MAX_COUNT + 1)
        lists.append(dict(zip(own.tolist(), often.tolist(), strict=True)))
    loose = arrays_of(chunks, lists)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(packing, "_SLICE", at_once)
        tight = packed(loose)
    assert_same(loose, tight, random.integers(0, chunks, int(random.integers(1, 60))))


def test_every_way_of_keeping_a_term_is_used_and_takes_less() -> None:
    random = np.random.default_rng(0)
    lists = [
        dict.fromkeys(random.choice(100_000, size, replace=False).tolist(), 1)
        for size in (1, 30, 9_000, 80_000)
    ]
    loose = arrays_of(100_000, lists)
    tight = packed(loose)
    kinds = (tight.once, tight.wide, tight.narrow, tight.halves)
    assert [len(kind.hashes) for kind in kinds] == [1, 1, 1, 1]
    postings = tight.nbytes - loose.chunk_ids.nbytes - loose.lengths.nbytes - loose.scripts.nbytes
    assert postings < 0.2 * loose.ordinals.nbytes


def test_a_few_chunks_of_a_long_list_are_read_without_reading_all_of_it() -> None:
    random = np.random.default_rng(1)
    own = np.sort(random.choice(200_000, 30_000, replace=False))
    often = np.where(random.random(30_000) < 0.01, 200, 1)
    loose = arrays_of(200_000, [dict(zip(own.tolist(), often.tolist(), strict=True))])
    tight = packed(loose)
    assert len(tight.narrow.hashes) == 1
    many = own[often == 200]
    for asked in (many[:20], own[:1], own[-1:], np.array([0, 199_999]), many[::-1][:9]):
        assert_same(loose, tight, asked)
    assert tight.counts_at(loose.hashes, many[:20]).tolist() == [[200] * 20]


def test_nothing_is_packed_too() -> None:
    loose = arrays_of(3, [])
    tight = packed(loose)
    assert_same(loose, tight, np.array([0, 2]))
    assert tight.of(np.zeros(0, np.uint64)).ordinals.tolist() == []
