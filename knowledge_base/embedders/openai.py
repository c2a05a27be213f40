"""Any server that answers OpenAI's `/v1/embeddings`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import numpy as np

from knowledge_base.embedders.base import TokenizerSpec, Vectors
from knowledge_base.embedders.batching import Budget, batched, estimate
from knowledge_base.embedders.prompts import prompts_for
from knowledge_base.embedders.text import readable
from knowledge_base.errors import EmbeddingUnavailableError

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import CreateEmbeddingResponse

log = logging.getLogger(__name__)

BUDGET = Budget(tokens=16_384, texts=64, few=0, padded=True)
"""Of one request, about: servers pad, and refuse what is too large for one batch of theirs."""
MAX_REQUESTS = 4
"""Requests for documents under way at once; questions are not counted."""
MAX_RETRIES = 3
"""Of connection errors, 408, 409, 429 (honouring Retry-After) and 5xx, with growing pauses."""
QUESTION_SECONDS = 15.0
"""Longest time a question waits for its vector, once tried again; then words alone search."""
KEYLESS = "none"
"""Sent where no key is configured: local servers ignore it, the client insists on one."""


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class OpenAIEmbedder:
    """A remote embedder. What it answers is brought to unit length.

    The server's address is no part of the fingerprint: the same model elsewhere gives the same
    vectors. The prompts are, because they are written here, by the model's name.
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: str,
        api_key: str | None,
        max_tokens: int = 512,
        timeout_seconds: float = 60.0,
        proxy: str | None = None,
    ) -> None:
        """The proxy is never used for a server on this machine."""
        self._model = model
        self._base_url = base_url
        self._api_key = api_key or KEYLESS
        self._max_tokens = max_tokens
        self._timeout_seconds = timeout_seconds
        self._proxy = None if is_loopback(base_url) else proxy
        self._prompts = prompts_for(model)
        self._dimension: int | None = None
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()
        self._slots = asyncio.Semaphore(MAX_REQUESTS)

    @property
    def name(self) -> str:
        return f"{self._model} ({self._base_url})"

    @property
    def fingerprint(self) -> str:
        return f"openai:{self._model}:{self._prompts.query}/{self._prompts.document}"

    @property
    def query_prompt(self) -> str:
        return self._prompts.query

    @property
    def dimension(self) -> int:
        """Raises `EmbeddingUnavailableError` before the server's first answer."""
        if self._dimension is None:
            raise EmbeddingUnavailableError(self.name)
        return self._dimension

    @property
    def tokenizer(self) -> TokenizerSpec:
        longest = max(len(self._prompts.query), len(self._prompts.document))
        return TokenizerSpec(kind="estimate", max_tokens=self._max_tokens, overhead=2 + longest)

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self._dimension or 0), dtype=np.float32)
        batches = batched(estimate(texts), BUDGET)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._embed_batch([texts[at] for at in batch]))
                    for batch in batches
                ]
        except* EmbeddingUnavailableError as errors:
            raise EmbeddingUnavailableError(self.name) from errors.exceptions[0]
        vectors = np.concatenate([task.result() for task in tasks])
        order = np.concatenate(batches)
        return cast(Vectors, vectors[np.argsort(order)])

    async def embed_query(self, text: str) -> Vectors:
        client = (await self._opened()).with_options(
            timeout=min(self._timeout_seconds, QUESTION_SECONDS / 2), max_retries=1
        )
        vectors = await self._request(client, [self._prompts.query + readable(text)])
        return cast(Vectors, vectors[0])

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _embed_batch(self, texts: Sequence[str]) -> Vectors:
        async with self._slots:
            prompted = [self._prompts.document + readable(text) for text in texts]
            return await self._request(await self._opened(), prompted)

    async def _request(self, client: AsyncOpenAI, texts: list[str]) -> Vectors:
        import openai

        try:
            answer = await client.embeddings.create(model=self._model, input=texts)
            return self._vectors(answer, len(texts))
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            # The client builds its answer of whatever came, a page of a gateway's too.
            raise EmbeddingUnavailableError(self.name) from error

    def _vectors(self, answer: CreateEmbeddingResponse, expected: int) -> Vectors:
        rows = [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
        vectors = np.asarray(rows, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        if vectors.ndim != 2 or len(vectors) != expected or not (lengths > 0).all():
            # Fewer rows than texts, rows of unequal length, zeros or NaN: not an embedder.
            raise EmbeddingUnavailableError(self.name)
        if self._dimension is None:
            self._dimension = vectors.shape[1]
        if vectors.shape[1] != self._dimension:
            raise EmbeddingUnavailableError(self.name)
        return cast(Vectors, vectors / lengths)

    async def _opened(self) -> AsyncOpenAI:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._open)
            return self._client

    def _open(self) -> AsyncOpenAI:
        # The import takes half a second.
        import httpx2
        from openai import AsyncOpenAI

        from knowledge_base.connections import ReturningTransport, trusted

        return AsyncOpenAI(
            api_key=self._api_key,
            base_url=self._base_url,
            timeout=self._timeout_seconds,
            max_retries=MAX_RETRIES,
            # The environment's proxies are the configuration's business.
            http_client=httpx2.AsyncClient(
                transport=ReturningTransport(verify=trusted(), proxy=self._proxy, trust_env=False),
                timeout=self._timeout_seconds,
                trust_env=False,
            ),
        )
