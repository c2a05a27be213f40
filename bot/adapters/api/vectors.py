"""Vectors of the embedder that searches here too."""

from __future__ import annotations

import base64
from typing import Final

from fastapi import FastAPI, Request
from openai.types import CreateEmbeddingResponse, Embedding
from openai.types.create_embedding_response import Usage
from pydantic import BaseModel
from starlette.responses import Response

from bot.adapters.api.catalogue import Catalogue, Shelf, unknown
from bot.adapters.api.refusals import RefusedError
from bot.adapters.api.schemas import EmbeddingRequest
from bot.adapters.api.streaming import unless_gone
from knowledge_base.embedders.base import Vectors
from knowledge_base.errors import EmbeddingUnavailableError

_BYTES_PER_TOKEN: Final = 3.5
"""About; the embedder's own count would take its time again."""


class Packed(BaseModel):
    """A vector as base64 of its 32-bit floats, the smallest byte first."""

    embedding: str
    index: int
    object: str = "embedding"


class Embeddings(CreateEmbeddingResponse):
    """Vectors, in the order of the texts."""

    data: list[Embedding | Packed]  # type: ignore[assignment]


def add_embeddings(api: FastAPI, catalogue: Catalogue, shelf: Shelf) -> None:
    """The address that gives vectors."""

    @api.post("/embeddings", response_model=Embeddings)
    async def create_embedding(body: EmbeddingRequest, request: Request) -> Response:
        if body.model != catalogue.embedding:
            raise unknown(body.model)
        texts = [body.input] if isinstance(body.input, str) else body.input
        work = shelf.embedded(texts, as_questions=body.input_type == "query")
        try:
            vectors = await unless_gone(request, work)
        except EmbeddingUnavailableError as error:
            text = "The embedding model does not serve now."
            raise RefusedError(503, text, "embedding_unavailable", retry_after=5) from error
        if body.dimensions not in (None, vectors.shape[1]):
            text = f"This model's vectors have {vectors.shape[1]} dimensions and no others."
            raise RefusedError(400, text, "invalid_value", param="dimensions")
        tokens = sum(round(len(text.encode()) / _BYTES_PER_TOKEN) or 1 for text in texts)
        answer = Embeddings(
            object="list",
            model=body.model,
            data=_rows(vectors, packed=body.encoding_format == "base64"),
            usage=Usage(prompt_tokens=tokens, total_tokens=tokens),
        )
        return Response(answer.to_json(indent=None), media_type="application/json")


def _rows(vectors: Vectors, *, packed: bool) -> list[Embedding | Packed]:
    if packed:
        wire = [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in vectors]
        return [Packed(embedding=text, index=at) for at, text in enumerate(wire)]
    rows = enumerate(vectors.tolist())
    return [Embedding(embedding=row, index=at, object="embedding") for at, row in rows]
