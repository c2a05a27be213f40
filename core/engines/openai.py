"""Any OpenAI-compatible server: vLLM, SGLang, llama-server, Ollama, a service outside."""

from __future__ import annotations

import asyncio
import re
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Final, Literal

import tenacity

from core.distance import place_of
from core.engines.base import (
    ChatMessage,
    EngineDelta,
    EngineEvent,
    EngineFinished,
    GenerationOptions,
    image_tokens,
)
from core.engines.openai_wire import (
    NOTHING,
    Piece,
    estimate,
    is_loopback,
    messages_of,
    read_chunk,
    retry_after,
    with_pictures,
)
from core.errors import (
    ContextTooLongError,
    EngineAccessError,
    EngineError,
    EngineRateLimitedError,
    EngineRefusedError,
    EngineTimeoutError,
    EngineUnavailableError,
)
from core.replies import Usage
from core.settings import EngineSettings

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

_SLOTS: Final = 8
_CONTEXT_WINDOW: Final = 8192
ATTEMPTS: Final = 3
_LONGEST_WAIT_SECONDS: Final = 5.0
"""A server that asks for more is not waited for: the asker is told instead."""
_CONNECT_SECONDS: Final = 10.0
_COUNT_SECONDS: Final = 10.0
_PROBE_SECONDS: Final = 5.0
_NO_SUCH_PATH: Final = (404, 405, 501)
"""A server that says so is there."""
_REASONS: Final[dict[str, Literal["stop", "length", "filter"]]] = {
    "length": "length",
    "content_filter": "filter",
}
_CONTEXT_WORDS: Final = re.compile(r"context (?:length|size|window)")
_CONTEXT_LIMIT: Final = re.compile(r"context (?:length|size|window)\D{1,12}(\d{1,9})")
_CONTEXT_TOKENS: Final = re.compile(r"(?:request(?:ed)?|in) \(?(\d{1,9})(?: \w+)? tokens")


class OpenAIEngine:
    """A model on a server, by the official client.

    What goes wrong before the first word is tried again, twice at most, where trying again can
    help; after it the error stands, because what was shown cannot be taken back. Tokens are counted
    by the server where it can (llama-server, vLLM), else estimated, rather too high than too low.
    """

    def __init__(
        self,
        settings: EngineSettings,
        proxy: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        attempts: int = ATTEMPTS,
    ) -> None:
        """Connects to nothing yet. The proxy is never used for a server on this machine."""
        if not settings.base_url:
            raise EngineUnavailableError("openai", "engine.base_url")
        import httpx2
        import openai

        from knowledge_base.connections import ReturningTransport, trusted

        self._settings = settings
        self._model = settings.model or "default"
        self._sleep = sleep
        self._attempts = attempts
        timeout = httpx2.Timeout(settings.request_timeout_seconds, connect=_CONNECT_SECONDS)
        self._http = httpx2.AsyncClient(
            transport=ReturningTransport(
                verify=trusted(),
                proxy=None if is_loopback(settings.base_url) else proxy,
                trust_env=False,
            ),
            timeout=timeout,
            trust_env=False,  # the environment's proxies are the configuration's business
            # Only from outside to outside: what is to stay near is not led away.
            follow_redirects=place_of(settings.place, [settings.base_url]) == "outside",
        )
        self._client = openai.AsyncOpenAI(
            base_url=settings.base_url,
            api_key=settings.api_key or "none",
            timeout=timeout,
            max_retries=0,
            http_client=self._http,
        )
        # Whose organisation the environment names is no business of this server.
        self._client.organization = self._client.project = None
        self._counters = [self._count_by_chat, self._count_by_tokenize]

    @property
    def name(self) -> str:
        return self._settings.name or self._settings.model or "openai"

    @property
    def context_window(self) -> int:
        return self._settings.context_window or _CONTEXT_WINDOW

    @property
    def slots(self) -> int:
        return self._settings.max_concurrent or _SLOTS

    @property
    def accepts_images(self) -> bool:
        return self._settings.accepts_images

    @property
    def trusted(self) -> bool:
        return True

    @property
    def quotes(self) -> bool:
        return False

    @property
    def languages(self) -> frozenset[str] | None:
        return None

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """The server's own count where it offers one, else an estimate; pictures are estimated."""
        import openai

        if self._client.is_closed():
            raise self._unavailable()
        for counter in tuple(self._counters):
            try:
                return await counter(messages) + image_tokens(messages)
            except (openai.APIStatusError, ValueError):
                # This server does not count this way: it is not asked again.
                if counter in self._counters:
                    self._counters.remove(counter)
            except openai.APIConnectionError:
                break
        return estimate(messages)

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        """Stream the answer; closing it closes the connection, which stops the server."""
        if self._client.is_closed():
            raise self._unavailable()
        attempts = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=wait_before_next,
            retry=tenacity.retry_if_exception(is_worth_another_try),
            sleep=self._sleep,
            reraise=True,
        )
        began: tuple[Piece, AsyncGenerator[Piece, None]]
        began = await attempts(self._begin, messages, options)
        first, rest = began
        finish, usage, written = first.finish, first.usage, first.text
        async with aclosing(rest):
            if first.text:
                yield EngineDelta(first.text)
            async for piece in rest:
                finish, usage = piece.finish or finish, piece.usage or usage
                if piece.text:
                    written += piece.text
                    yield EngineDelta(piece.text)
        if usage is None:
            answer = ChatMessage("assistant", written)
            usage = Usage(await self.count_tokens(messages), estimate([answer]), estimated=True)
        yield EngineFinished(_REASONS.get(finish or "", "stop"), usage)

    async def probe(self) -> None:
        """Whether the server is there and takes our key; raises `EngineError` where it is not.

        Nothing of anybody's question goes with it.
        """
        import openai

        root = str(self._settings.base_url).rstrip("/").removesuffix("/v1")
        # Once more where a connection that was kept alive turns out to be closed.
        client = self._client.with_options(max_retries=1, timeout=_PROBE_SECONDS)
        with self._translating(()):
            try:
                await client.get("models", cast_to=object)
            except openai.APIStatusError as error:
                # transformers' own server fails to list its models where it has no network.
                if error.status_code not in _NO_SUCH_PATH and error.status_code < 500:
                    raise
                is_missing = error.status_code in _NO_SUCH_PATH
            else:
                return
            try:
                await client.get(f"{root}/health", cast_to=object)
            except openai.APIStatusError as error:
                if error.status_code not in _NO_SUCH_PATH:
                    raise
                if not is_missing:
                    raise self._unavailable() from error

    async def aclose(self) -> None:
        """Close the connections; streams still open break off."""
        await self._client.close()

    async def _begin(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> tuple[Piece, AsyncGenerator[Piece, None]]:
        """One attempt, up to the first word: until then nothing was shown."""
        pieces = self._pieces(messages, options)
        return await anext(pieces), pieces

    async def _pieces(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[Piece, None]:
        """What the server says, at least one piece. Raises `EngineError` subclasses only."""
        finished = False
        with self._translating(messages):
            async with await self._request(messages, options) as chunks:
                async for chunk in chunks:
                    piece = read_chunk(chunk)
                    finished = finished or piece.finish is not None
                    if piece != NOTHING:
                        yield piece
        if not finished:
            # The connection was closed in mid-sentence, in good order.
            raise self._unavailable()

    async def _request(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> openai.AsyncStream[ChatCompletionChunk]:
        from openai import omit

        return await self._client.chat.completions.create(
            model=self._model,
            messages=await self._wired(messages),
            stream=True,
            stream_options={"include_usage": True},
            max_tokens=omit if options.max_tokens is None else options.max_tokens,
            temperature=omit if options.temperature is None else options.temperature,
            top_p=omit if options.top_p is None else options.top_p,
            seed=omit if options.seed is None else options.seed,
            stop=list(options.stop) or omit,
        )

    async def _wired(self, messages: Sequence[ChatMessage]) -> list[ChatCompletionMessageParam]:
        if not any(message.images for message in messages):
            return messages_of(messages)
        try:
            return await asyncio.to_thread(with_pictures, messages)
        except OSError as error:
            raise EngineRefusedError(self.name) from error

    @contextmanager
    def _translating(self, messages: Sequence[ChatMessage]) -> Iterator[None]:
        import httpx2
        import openai

        try:
            yield
        except openai.APITimeoutError as error:
            if isinstance(error.__cause__, httpx2.ConnectTimeout):
                raise self._unavailable() from error
            seconds = self._settings.request_timeout_seconds
            raise EngineTimeoutError(self.name, seconds) from error
        except openai.APIStatusError as error:
            raise self._refusal(error, messages) from error
        except openai.APIError as error:
            too_long = self._too_long(error, messages)
            raise too_long or self._unavailable() from error
        except ValueError as error:
            # A chunk that is not what the protocol says.
            raise self._unavailable() from error

    def _refusal(
        self, error: openai.APIStatusError, messages: Sequence[ChatMessage]
    ) -> EngineError:
        if error.status_code in (401, 403):
            return EngineAccessError(self.name)
        if error.status_code == 429:
            return EngineRateLimitedError(self.name, retry_after(error.response.headers))
        if error.status_code >= 500 or error.status_code in (408, 409):
            return self._unavailable()
        return self._too_long(error, messages) or EngineRefusedError(self.name)

    def _too_long(
        self, error: openai.APIError, messages: Sequence[ChatMessage]
    ) -> ContextTooLongError | None:
        known = {"context_length_exceeded", "exceed_context_size_error"}
        words = error.message.lower()
        if not known & {error.code, error.type} and not _CONTEXT_WORDS.search(words):
            return None
        limit = _CONTEXT_LIMIT.search(words)
        tokens = _CONTEXT_TOKENS.search(words)
        return ContextTooLongError(
            self.name,
            int(tokens[1]) if tokens else estimate(messages),
            int(limit[1]) if limit else self.context_window,
        )

    def _unavailable(self) -> EngineUnavailableError:
        return EngineUnavailableError(self.name, self._settings.base_url)

    async def _count_by_chat(self, messages: Sequence[ChatMessage]) -> int:
        """As llama-server counts: with the chat template and all that belongs to it."""
        return await self._ask_count("chat/completions/input_tokens", "input_tokens", messages)

    async def _count_by_tokenize(self, messages: Sequence[ChatMessage]) -> int:
        """As vLLM counts, beside the API's own path."""
        root = str(self._settings.base_url).rstrip("/").removesuffix("/v1")
        return await self._ask_count(f"{root}/tokenize", "count", messages)

    async def _ask_count(self, path: str, field: str, messages: Sequence[ChatMessage]) -> int:
        # Once more where a connection that was kept alive turns out to be closed.
        reply = await self._client.with_options(max_retries=1).post(
            path,
            cast_to=object,
            body={"model": self._model, "messages": messages_of(messages)},
            options={"timeout": _COUNT_SECONDS},
        )
        count = reply.get(field) if isinstance(reply, dict) else None
        if not isinstance(count, int):
            raise ValueError(field)  # noqa: TRY004 - the reply's type, not a caller's
        return count


def is_worth_another_try(error: BaseException) -> bool:
    """Whether the same question may be answered a little later."""
    if isinstance(error, EngineRateLimitedError):
        return (error.retry_after or 0.0) <= _LONGEST_WAIT_SECONDS
    return isinstance(error, EngineUnavailableError)


def wait_before_next(state: tenacity.RetryCallState) -> float:
    """Seconds: what the server asked for, else ever longer."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, EngineRateLimitedError) and error.retry_after is not None:
        return error.retry_after
    return 0.5 * 2.0 ** (state.attempt_number - 1)
