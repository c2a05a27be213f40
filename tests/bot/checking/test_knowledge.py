"""What `check` says of what is stored, and of the embedder against it."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pytest

from bot.checking import embedding, knowledge, scripts
from bot.settings import Config
from core.database import Database
from knowledge_base.calibration import Calibration, DenseProfile
from knowledge_base.library import Library
from knowledge_base.models import Upload
from knowledge_base.settings import EmbeddingSettings, KnowledgeSettings
from tests.support.hash_embeddings import HashEmbedder, hash_server
from tests.support.looked import found, states
from tests.support.plain_reader import PlainReader

ENGLISH = "The lighthouse was built in 1888 of stone.\n\nIts keeper lights the lamp at dusk."
CHINESE = "港口的灯塔建于一八八八年，由石头砌成。\n\n守塔人在黄昏时点亮灯火，直到天明才熄灭。"


async def taught(folder, *texts: str, embedder: HashEmbedder | None = None) -> None:
    """A data directory in which the base `shared` holds these."""
    async with (
        Database.open(folder / "lorekeeper.db"),
        Library.open(
            folder, embedder or HashEmbedder(), KnowledgeSettings(), reader=PlainReader()
        ) as library,
    ):
        base = await library.ensure_base("shared")
        for number, text in enumerate(texts):
            path = folder / f"{number}.txt"
            path.write_text(text, encoding="utf-8")
            await library.add(base.base_id, Upload(path.name, path))


def changed(folder, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "knowledge.db")) as connection, connection:
        connection.execute(statement, values)


def files_of(folder) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


async def test_where_nothing_is_stored_yet_nothing_is_made(tmp_path):
    items = await found(knowledge.look, Config(data_dir=tmp_path / "data"))
    assert states(items) == [("ok", "data")]
    assert not (tmp_path / "data").exists()


async def test_what_is_stored_is_in_order_and_stays_as_it_is(tmp_path):
    await taught(tmp_path, ENGLISH, CHINESE)
    before = files_of(tmp_path)
    items = await found(knowledge.look, Config(data_dir=tmp_path))
    assert states(items) == [("ok", "data"), ("ok", "data")]
    assert items[0].text == "lorekeeper.db is in order."
    assert "1 base, 2 documents" in items[1].text
    assert files_of(tmp_path) == before


async def test_a_missing_original_and_missing_passages_are_told(tmp_path):
    await taught(tmp_path, ENGLISH, CHINESE)
    digest = hashlib.sha256(ENGLISH.encode()).hexdigest()
    (tmp_path / "originals" / digest[:2] / digest).unlink()
    items = await found(knowledge.look, Config(data_dir=tmp_path))
    assert states(items) == [("ok", "data"), ("warning", "data")]
    assert "0.txt" in items[1].text
    changed(tmp_path, "UPDATE documents SET passages = passages + 1 WHERE name = '1.txt'")
    items = await found(knowledge.look, Config(data_dir=tmp_path))
    assert states(items) == [("ok", "data"), ("failure", "data"), ("warning", "data")]
    assert "restore" in items[1].fix


async def test_index_files_that_are_gone_are_made_anew(tmp_path):
    await taught(tmp_path, ENGLISH)
    row = "(1, 'dense', 0, 1, 1, 'gone.vectors', '', 0, 0, 'flat', 1)"
    changed(tmp_path, f"INSERT INTO segments VALUES {row}")
    items = await found(knowledge.look, Config(data_dir=tmp_path))
    assert states(items) == [("ok", "data"), ("warning", "data")]
    assert "rebuild" in items[1].fix


@pytest.mark.parametrize("name", ["lorekeeper.db", "knowledge.db"])
async def test_a_newer_file_and_a_damaged_one_are_failures(tmp_path, name):
    await taught(tmp_path, ENGLISH)
    path = tmp_path / name
    with closing(sqlite3.connect(path)) as connection, connection:
        if name == "knowledge.db":
            connection.execute("PRAGMA user_version = 999")
        else:
            connection.execute("INSERT INTO migrations VALUES ('m999_future', '')")
    items = await found(knowledge.look, Config(data_dir=tmp_path))
    (newer,) = [item for item in items if item.state == "failure"]
    assert "newer" in newer.text
    path.write_bytes(b"not a database, at all" * 300)
    items = await found(knowledge.look, Config(data_dir=tmp_path))
    (damaged,) = [item for item in items if item.state == "failure"]
    assert "damaged" in damaged.text
    assert damaged.fix


async def test_a_file_of_an_older_version_is_no_trouble(tmp_path):
    await taught(tmp_path, ENGLISH)
    with closing(sqlite3.connect(tmp_path / "knowledge.db")) as connection:
        connection.execute("PRAGMA user_version = 1")
    with closing(sqlite3.connect(tmp_path / "lorekeeper.db")) as connection, connection:
        connection.execute("DELETE FROM migrations WHERE name LIKE 'm00%'")
    items = await found(knowledge.look, Config(data_dir=tmp_path))
    assert states(items) == [("ok", "data"), ("ok", "data")]
    assert all("older" in item.text for item in items)


# The language of the embedder against that of the corpus


@pytest.mark.parametrize(
    ("model", "script", "known"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", "HAN", False),
        ("BAAI/bge-large-en-v1.5", "HAN", False),
        ("BAAI/bge-large-zh-v1.5", "HAN", True),
        ("BAAI/bge-large-zh-v1.5", "LATIN", False),
        ("GanymedeNil/text2vec-large-chinese", "LATIN", False),
        ("moka-ai/m3e-base", "HAN", True),
        ("intfloat/multilingual-e5-small", "HAN", True),
        ("intfloat/e5-base-v2", "HAN", False),
        ("BAAI/bge-m3", "LATIN", True),
        ("Qwen/Qwen3-Embedding-0.6B", "HAN", True),
        (None, "HAN", True),
        ("bundled", "LATIN", True),
        ("acme/own", "HAN", None),
    ],
)
def test_names_of_models_tell_what_they_read(model, script, known):
    assert scripts.reads(model, script) is known


async def test_an_english_model_over_chinese_documents_is_told(tmp_path):
    await taught(tmp_path, ENGLISH, *(f"{CHINESE}第{number}号。" for number in range(5)))
    (corpus,) = scripts.corpora(tmp_path)
    assert set(corpus.scripts) == {"HAN", "LATIN"}
    with hash_server() as address:
        settings = EmbeddingSettings(base_url=address, model="all-MiniLM-L6-v2")
        items = await found(embedding.look, Config(data_dir=tmp_path, embedding=settings), "en")
        told = [item for item in items if item.subject == "language"]
        assert len(told) == 1
        assert "% of shared is in Chinese" in told[0].text
        assert "multilingual" in told[0].fix
        settings = EmbeddingSettings(base_url=address, model="multilingual-e5-small")
        items = await found(embedding.look, Config(data_dir=tmp_path, embedding=settings))
        assert not [item for item in items if item.subject == "language"]


@pytest.mark.parametrize(("trust", "blind"), [(0.0, True), (0.9, False)])
async def test_what_was_measured_in_the_base_outweighs_the_models_name(tmp_path, trust, blind):
    await taught(tmp_path, *(f"{CHINESE}第{number}号。" for number in range(30)))
    profile = DenseProfile("HAN", 0.5, 0.1, trust)
    measured = Calibration(HashEmbedder().fingerprint, 30, (profile,)).to_json()
    changed(tmp_path, "DELETE FROM calibrations")
    changed(tmp_path, "INSERT INTO calibrations VALUES (1, ?)", measured)
    (corpus,) = scripts.corpora(tmp_path)
    assert corpus.passages >= 30
    fingerprint = HashEmbedder().fingerprint
    for model in ("all-MiniLM-L6-v2", "multilingual-e5-small"):
        assert scripts.is_blind(corpus, "HAN", model, fingerprint) is blind
    assert scripts.is_blind(corpus, "HAN", "all-MiniLM-L6-v2", "another")


async def test_a_base_of_another_embedder_is_told(tmp_path):
    await taught(tmp_path, ENGLISH)
    with hash_server() as address:
        settings = EmbeddingSettings(base_url=address, model="hash")
        items = await found(embedding.look, Config(data_dir=tmp_path, embedding=settings))
    assert states(items) == [("ok", "embedding"), ("warning", "embedding")]
    assert "shared" in items[1].text
    assert "kb export" in items[1].fix


async def test_a_model_of_a_hub_is_not_fetched_by_looking(tmp_path):
    pytest.importorskip("sentence_transformers")
    settings = EmbeddingSettings(model="acme/surely-not-here")
    items = await found(embedding.look, Config(data_dir=tmp_path, embedding=settings))
    assert states(items) == [("warning", "embedding")]
    settings = EmbeddingSettings(model="/surely/not/here")
    items = await found(embedding.look, Config(data_dir=tmp_path, embedding=settings))
    assert states(items) == [("failure", "embedding")]
