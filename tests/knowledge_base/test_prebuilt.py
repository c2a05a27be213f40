from __future__ import annotations

import io
import os
import pickle
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from uuid import UUID

import faiss
import numpy as np
import pytest

from knowledge_base.embedders.base import Embedder
from knowledge_base.errors import InaccessibleFileError, UnreadableDocumentError
from knowledge_base.library import Library
from knowledge_base.loaders.langchain import named, passages
from knowledge_base.models import Legs, Scope
from knowledge_base.prebuilt import find, read_index
from knowledge_base.settings import KnowledgeSettings, ReaderLimits
from tests.support.hash_embeddings import HashEmbedder, hash_vector
from tests.support.langchain_folders import TEXTS, write_by_hand
from tests.support.libraries import add_text, texts
from tests.support.libraries import find as search

SETTINGS = KnowledgeSettings(busy_seconds=5.0, limits=ReaderLimits(parse_memory_mb=512))
NAMES = ["gate (2).pdf", "gate.pdf", "灯塔.txt"]


class Counted(HashEmbedder):
    """Counts the texts that it embeds."""

    def __init__(self):
        super().__init__()
        self.seen = Counter()

    async def embed_documents(self, texts):
        self.seen.update(texts)
        return await super().embed_documents(texts)


@asynccontextmanager
async def taken_in(tmp_path, folder, embedder: Embedder):
    async with Library.open(tmp_path / "library", embedder, SETTINGS) as library:
        base = await library.ensure_base("town")
        async with library.prebuilt(folder) as found:
            for document in found.documents:
                await library.adopt(base.base_id, found, document)
        yield library, base, found


def by_langchain(folder):
    """The folder as the library of today writes it."""
    community = pytest.importorskip("langchain_community.vectorstores")
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings

    class Hashes(Embeddings):
        def embed_documents(self, texts):
            return [hash_vector(text).tolist() for text in texts]

        def embed_query(self, text):
            return hash_vector(text).tolist()

    documents = [Document(page_content=text, metadata=dict(told)) for text, told in TEXTS]
    community.FAISS.from_documents(documents, Hashes()).save_local(str(folder))
    return folder


@pytest.mark.parametrize("write", [write_by_hand, by_langchain])
async def test_vectors_of_the_same_embedder_are_taken_over(tmp_path, write):
    embedder = Counted()
    async with taken_in(tmp_path, write(tmp_path / "in"), embedder) as (library, base, found):
        assert (found.is_same_embedder, found.seconds, found.passages) == (True, 0.0, 4)
        # The sample, of which the first text once more, and nothing else.
        assert [embedder.seen[text] for text, _told in TEXTS] == [2, 1, 1, 1]
        documents = await library.documents(base.base_id)
        assert [(d.name, d.passages) for d in documents] == list(zip(NAMES, (1, 2, 1), strict=True))
        assert documents[1].pages == 5
        result = await library.search(
            Scope(frozenset({base.base_id})), "tower Mondays", limit=1, legs=Legs.DENSE
        )
        assert texts(result) == ["The tower is closed on Mondays."]
        assert result.passages[0].chunk.page == 5
        assert texts(await search(library, base.base_id, "灯塔"))[0].startswith("海边")
        assert not (await library.verify(base.base_id)).problems


async def test_what_an_import_replaces_rests_and_can_be_brought_back(tmp_path):
    folder = write_by_hand(tmp_path / "in")
    async with Library.open(tmp_path / "data", HashEmbedder(), SETTINGS) as library:
        base = await library.ensure_base("imported")
        before = await add_text(library, base.base_id, tmp_path, NAMES[0], "What it said before.")
        async with library.prebuilt(folder) as found:
            for document in found.documents:
                await library.adopt(base.base_id, found, document, batch="one act")
        (rest,) = await library.resting([base.base_id])
        assert (rest.document.name, rest.batch) == (NAMES[0], "one act")
        await library.bring_back(rest)
        held = await library.document(base.base_id, NAMES[0])
        assert held.sha256 == before.document.sha256


async def test_another_embedders_vectors_are_made_anew_and_it_says_how_long_that_takes(tmp_path):
    folder = write_by_hand(tmp_path / "in", dimension=1024)
    async with taken_in(tmp_path, folder, HashEmbedder()) as (library, base, found):
        assert not found.is_same_embedder
        assert found.seconds is not None
        assert found.seconds > 0
        assert [d.name for d in await library.documents(base.base_id)] == NAMES
        assert not (await library.verify(base.base_id)).problems


async def test_one_vector_in_ten_of_another_model_is_not_the_same_embedder(tmp_path):
    folder = write_by_hand(tmp_path / "in")
    index = faiss.IndexFlatL2(64)
    rows = [hash_vector(text) for text, _told in TEXTS]
    rows[2] = -rows[2]
    index.add(np.stack(rows))
    faiss.write_index(index, str(folder / "index.faiss"))
    async with taken_in(tmp_path, folder, HashEmbedder()) as (_library, _base, found):
        assert not found.is_same_embedder


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_every_protocol_of_their_time_are_read(tmp_path, protocol):
    folder = write_by_hand(tmp_path / "in", protocol=protocol)
    found = passages(folder / "index.pkl", "index.pkl")
    assert [(p.row, p.text) for p in found] == [(n, text) for n, (text, _) in enumerate(TEXTS)]
    assert [p.page for p in found] == [1, 5, None, 2]


async def test_the_layout_of_chatglm_is_understood_and_its_files_are_the_originals(tmp_path):
    base = tmp_path / "samples"
    write_by_hand(base / "vector_store" / "text2vec")
    (base / "content").mkdir()
    (base / "content" / "灯塔.txt").write_text("海边的灯塔建于一八八八年。原文。")
    async with taken_in(tmp_path, base, HashEmbedder()) as (library, own, _found):
        await library.export(own, tmp_path / "base.zip")
        document = await library.document(own.base_id, "灯塔.txt")
        assert document is not None
        assert document.size == len("海边的灯塔建于一八八八年。原文。".encode())


async def test_a_name_with_wide_blanks_is_kept_and_its_file_found(tmp_path):
    base, name = tmp_path / "samples", "灯塔　说明.txt"
    write_by_hand(base / "vector_store", [("海边的灯塔。", {"source": f"C:\\知识库\\{name}"})])
    (base / "content").mkdir()
    (base / "content" / name).write_text("海边的灯塔建于一八八八年。原文。")
    async with taken_in(tmp_path, base, HashEmbedder()) as (library, own, _found):
        (document,) = await library.documents(own.base_id)
        assert document.name == name
        assert document.size == len("海边的灯塔建于一八八八年。原文。".encode())


FACTS = {
    "when": datetime(2024, 5, 1, 9, 30, tzinfo=UTC),
    "day": date(2024, 5, 1),
    "took": timedelta(seconds=3),
    "price": Decimal("1.50"),
    "mark": UUID(int=7),
    "score": np.float32(0.5),
    "count": np.int64(3),
    "names": {"a", "b"},
}


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_what_else_a_document_says_of_itself_is_no_reason_to_refuse_it(tmp_path, protocol):
    told = {"source": PurePosixPath("/srv/docs/gate.md"), "page": 2, **FACTS}
    written = [("The gate opens at nine.", told)]
    folder = write_by_hand(tmp_path / "in", written, protocol=protocol)
    (found,) = passages(folder / "index.pkl", "index.pkl")
    assert (found.text, found.page) == ("The gate opens at nine.", 3)
    assert list(named([found])) == ["gate.md"]


class Reduced:
    """Pickles as a call."""

    def __init__(self, call, *args):
        self.call, self.args = call, args

    def __reduce__(self):
        return self.call, self.args


def gadgets(mark):
    """Pickles that would leave a file behind if anything of them ran."""
    command = f"touch {mark}"
    yield pickle.dumps(Reduced(os.system, command))
    yield pickle.dumps(Reduced(eval, f"open({str(mark)!r}, 'w')"))
    yield pickle.dumps(Reduced(exec, f"open({str(mark)!r}, 'w')"))
    yield pickle.dumps(Reduced(getattr, Reduced(__import__, "os"), "system"))
    yield pickle.dumps(({"a": Reduced(os.system, command)}, {0: "a"}))
    for module, name in (
        ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "getattr"),
        ("copyreg", "_reconstructor"), ("copyreg", "add_extension"), ("operator", "attrgetter"),
        ("functools", "partial"), ("subprocess", "Popen"), ("importlib", "import_module"),
        ("langchain.schema", "Document.__init__.__globals__"), ("langchain.schema", "os.system"),
        ("langchain.docstore.in_memory", "os"), ("knowledge_base.loaders.langchain", "os"),
    ):  # fmt: skip
        yield f"c{module}\n{name}\n(V{command}\ntR.".encode()
        stream = io.BytesIO()
        stream.write(b"\x80\x04")
        for part in (module, name):
            raw = part.encode()
            stream.write(b"\x8c" + bytes([len(raw)]) + raw)
        stream.write(b"\x93(\x8c" + bytes([len(command)]) + command.encode() + b"tR.")
        yield stream.getvalue()
    # A known name as a way to others: its class's own attributes set, or called, or built upon.
    known = b"clangchain.schema\nDocument\n"
    yield known + b"(S'__setstate__'\ncos\nsystem\ndb."
    yield known + f"(V{command}\ntR(V__class__\ncos\nsystem\ndb.".encode()
    yield b"P1\n."
    yield b"\x80\x02\x82\x01."
    yield b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f."
    yield b""
    yield b"("


def test_nothing_of_a_hostile_pickle_runs(tmp_path):
    mark = tmp_path / "ran"
    for number, content in enumerate(gadgets(mark)):
        path = tmp_path / f"{number}.pkl"
        path.write_bytes(content)
        with pytest.raises(UnreadableDocumentError):
            passages(path, "index.pkl")
        assert not mark.exists(), content


async def test_a_hostile_folder_is_refused_in_the_worker_and_leaves_nothing(tmp_path):
    folder = write_by_hand(tmp_path / "in")
    (folder / "index.pkl").write_bytes(pickle.dumps(Reduced(os.system, f"touch {tmp_path}/ran")))
    async with Library.open(tmp_path / "library", HashEmbedder(), SETTINGS) as library:
        with pytest.raises(UnreadableDocumentError):
            async with library.prebuilt(folder):
                pass
    assert not (tmp_path / "ran").exists()


def test_an_index_that_is_not_what_it_says_is_refused(tmp_path):
    folder = write_by_hand(tmp_path / "in")
    good = (folder / "index.faiss").read_bytes()
    assert read_index(folder / "index.faiss").shape == (4, 64)
    path = tmp_path / "index.faiss"
    for content in (
        b"", good[:20], good[:-4], good + b"x", b"IxPQ" + good[4:],
        good[:4] + b"\xff\xff\xff\x7f" + good[8:], good[:8] + b"\xff" * 8 + good[16:],
    ):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(UnreadableDocumentError):
            read_index(path)
    hnsw = faiss.IndexHNSWFlat(8, 4)
    faiss.write_index(hnsw, str(path))
    with pytest.raises(UnreadableDocumentError):
        read_index(path)


def test_a_folder_without_an_index_is_told(tmp_path):
    with pytest.raises(InaccessibleFileError):
        find(tmp_path)
