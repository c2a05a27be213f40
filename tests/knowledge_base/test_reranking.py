"""The second look: what a cross-encoder says of passages, and what becomes of it."""

import asyncio
import threading

import numpy as np
import pytest

from knowledge_base.errors import RerankerUnavailableError
from knowledge_base.reranking import LOOKED_AT, SecondLook, reranked
from tests.support.passages import passage


class Judge:
    """Says what it is told to say of each text."""

    name = "judge"

    def __init__(self, **worth):
        self.worth = worth
        self.asked = []

    async def scores(self, question, texts):
        self.asked.append((question, tuple(texts)))
        return np.array([self.worth.get(text, 0.0) for text in texts])

    async def aclose(self):
        pass


class Slow(Judge):
    async def scores(self, question, texts):
        await asyncio.Event().wait()


class Broken(Judge):
    async def scores(self, question, texts):
        raise RerankerUnavailableError(self.name)


def three():
    return (
        passage(text="one", relevance=0.9),
        passage(text="two", relevance=0.8),
        passage(text="three", relevance=0.7),
    )


def texts(passages):
    return [own.chunk.text for own in passages]


def test_a_passage_that_the_model_prefers_comes_first():
    found = reranked(three(), np.array([-4.0, 0.0, 4.0]))
    assert texts(found) == ["three", "two", "one"]
    assert [own.relevance for own in found] == sorted(
        (own.relevance for own in found), reverse=True
    )


def test_a_model_that_cannot_tell_leaves_the_order_as_it_was():
    assert texts(reranked(three(), np.zeros(3))) == ["one", "two", "three"]


def test_no_certainty_of_a_model_is_boundless():
    (sure,) = reranked(three()[:1], np.array([900.0]))
    assert sure.relevance < 1.0


async def test_only_so_many_are_looked_at_and_the_others_follow():
    judge = Judge()
    many = tuple(passage(text=f"text {n}", relevance=0.9 - n / 100) for n in range(LOOKED_AT + 3))
    found = await SecondLook(judge, 60.0).at("why?", many)
    assert len(judge.asked[0][1]) == LOOKED_AT
    assert texts(found) == texts(many)


async def test_without_time_nothing_is_changed_and_it_is_told():
    assert await SecondLook(Slow(), 0.01).at("why?", three()) is None


async def test_a_model_that_fails_is_no_failure_of_the_search():
    assert await SecondLook(Broken(), 60.0).at("why?", three()) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("sentence_transformers", reason="the extra `local` is not installed")
    from tests.support.tiny_cross_encoder import write_tiny_cross_encoder

    return write_tiny_cross_encoder(tmp_path_factory.mktemp("rerankers") / "tiny")


@pytest.mark.local
async def test_a_cross_encoder_from_a_folder_scores_every_pair_by_itself(folder):
    from knowledge_base.cross_encoder import CrossEncoderReranker

    model = await CrossEncoderReranker.open(str(folder), threads=1, device="cpu")
    try:
        several = await model.scores("周日开门吗？", ["图书馆周日开门。", "the library", "a" * 900])
        alone = await model.scores("周日开门吗？", ["the library"])
    finally:
        await model.aclose()
    assert several.shape == (3,)
    assert np.isfinite(several).all()
    assert several[1] == pytest.approx(alone[0], abs=1e-4)


@pytest.mark.local
async def test_questions_take_turns_and_a_closed_model_says_so(folder):
    from knowledge_base.cross_encoder import CrossEncoderReranker

    model = await CrossEncoderReranker.open(str(folder), threads=1, device="cpu")
    both = await asyncio.gather(
        model.scores("one", ["the library"] * 3), model.scores("two", ["the library"] * 3)
    )
    assert [len(scores) for scores in both] == [3, 3]
    await model.aclose()
    assert not [own for own in threading.enumerate() if own.name.startswith("rerank")]
    with pytest.raises(RerankerUnavailableError):
        await model.scores("three", ["the library"])


@pytest.mark.local
async def test_a_folder_without_a_model_is_said_to_be_unavailable(tmp_path):
    from knowledge_base.cross_encoder import CrossEncoderReranker

    with pytest.raises(RerankerUnavailableError):
        await CrossEncoderReranker.open(str(tmp_path))


@pytest.mark.local
async def test_a_model_that_tells_classes_apart_is_no_reranker(tmp_path):
    pytest.importorskip("sentence_transformers", reason="the extra `local` is not installed")
    from knowledge_base.cross_encoder import CrossEncoderReranker
    from tests.support.tiny_cross_encoder import write_tiny_cross_encoder

    folder = await asyncio.to_thread(write_tiny_cross_encoder, tmp_path / "three", 3)
    with pytest.raises(RerankerUnavailableError):
        await CrossEncoderReranker.open(str(folder))
