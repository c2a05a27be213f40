"""Folders as LangChain writes them: by the library itself, and by hand as it did in 2023."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import faiss
import numpy as np

from tests.support.hash_embeddings import hash_vector

TEXTS = (
    ("The gate opens at nine.", {"source": "/home/li/docs/gate.pdf", "page": 0}),
    ("The tower is closed on Mondays.", {"source": "/home/li/docs/gate.pdf", "page": 4}),
    ("海边的灯塔建于一八八八年。", {"source": "C:\\知识库\\灯塔.txt"}),
    ("The other gate.", {"source": "/srv/other/gate.pdf", "page": 1}),
)


def write_by_hand(
    folder: Path,
    texts: Sequence[tuple[str, dict[str, object]]] = TEXTS,
    *,
    dimension: int = 64,
    scale: float = 3.0,
    protocol: int = 4,
) -> Path:
    """The layout of 2023: `langchain.*`, pydantic 1, L2, vectors of any length."""
    names = ("langchain", "langchain.schema", "langchain.docstore", "langchain.docstore.in_memory")
    modules = {name: ModuleType(name) for name in names}

    class Document:
        def __getstate__(self):
            return {
                "__dict__": dict(self.fields),
                "__fields_set__": {"page_content", "metadata"},
                "__private_attribute_values__": {},
            }

    class InMemoryDocstore:
        pass

    for kind, module in (
        (Document, "langchain.schema"),
        (InMemoryDocstore, "langchain.docstore.in_memory"),
    ):
        kind.__module__, kind.__qualname__ = module, kind.__name__
        setattr(modules[module], kind.__name__, kind)
    documents = {}
    for row, (text, metadata) in enumerate(texts):
        document = Document()
        document.fields = {"page_content": text, "metadata": metadata}
        documents[f"id-{row}"] = document
    store = InMemoryDocstore()
    store.__dict__["_dict"] = documents
    folder.mkdir(parents=True, exist_ok=True)
    held = {name: sys.modules.get(name) for name in names}
    sys.modules.update(modules)
    try:
        content = pickle.dumps((store, {row: f"id-{row}" for row in range(len(texts))}), protocol)
    finally:
        for name, module in held.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    (folder / "index.pkl").write_bytes(content)
    index = faiss.IndexFlatL2(dimension)
    index.add(np.stack([scale * hash_vector(text, dimension) for text, _meta in texts]))
    faiss.write_index(index, str(folder / "index.faiss"))
    return folder
