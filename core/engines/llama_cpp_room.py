"""What a GGUF model may take of the machine, and how that is said to xllamacpp."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from core.settings import EngineSettings

_log = logging.getLogger(__name__)

_Library: TypeAlias = Any  # xllamacpp has no types

BATCH: Final = 128
"""Tokens between two moments at which a request can be stopped, and at which others' words come;
larger ones were not faster."""
SMALL_BYTES = 400_000_000
"""A model of fewer reads many prompts in a second or two: it keeps the library's own batch, and
who asks in the same moment as others waits for no batch besides the common one."""
_CARD_BATCH: Final = 512
"""The library's own: a card is through with it in the time of a few tokens."""
_PICTURE_BATCH: Final = 2048


@dataclass(frozen=True, slots=True)
class Files:
    """A model, and what lets it see."""

    model: Path
    projector: Path | None = None

    @classmethod
    def of(cls, model: Path, projector: str | None) -> Files:
        """Paths as the library takes them."""
        return cls(model.expanduser(), Path(projector).expanduser() if projector else None)

    @property
    def all(self) -> tuple[Path, ...]:
        return (self.model,) if self.projector is None else (self.model, self.projector)


@dataclass(frozen=True, slots=True)
class Room:
    """What the model may take of the machine."""

    slots: int
    window: int
    threads: int
    gpu_layers: int | None
    """None: as many as the card holds, where the build knows one."""
    cache_type: Literal["f16", "q8_0", "q4_0"]
    prompt_cache_mb: int = 0
    """Memory beside the slots, for what was read of prompts whose slot others have taken."""
    template: str | None = None
    """Of chats; None: the model's own."""


def parameters_of(library: _Library, name: str, files: Files, room: Room, key: str) -> _Library:
    """For a server on loopback behind a key."""
    parameters = library.CommonParams()
    parameters.model.path = str(files.model)
    parameters.model_alias = {name}
    parameters.n_parallel = room.slots
    parameters.n_ctx = room.slots * room.window
    cache = getattr(library.ggml_type, f"GGML_TYPE_{room.cache_type.upper()}")
    parameters.cache_type_k = parameters.cache_type_v = cache
    if room.template is not None:
        parameters.chat_template = room.template
    if room.gpu_layers is not None:
        parameters.n_gpu_layers = room.gpu_layers
    if _cards(library, room):
        parameters.n_batch = parameters.n_ubatch = _CARD_BATCH
    elif files.model.stat().st_size > SMALL_BYTES:
        parameters.n_batch = parameters.n_ubatch = BATCH
    if files.projector is not None:
        parameters.mmproj.path = str(files.projector)
        # Some models read a picture in one batch, and end the process where it does not fit.
        parameters.n_batch = parameters.n_ubatch = _PICTURE_BATCH
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = room.threads
    parameters.cache_ram_mib = room.prompt_cache_mb
    parameters.warmup = False
    parameters.verbosity = 0
    parameters.port = 0
    parameters.hostnames = ["127.0.0.1"]
    parameters.api_keys = [key]
    parameters.n_threads_http = 2
    parameters.ui = parameters.endpoint_slots = False
    parameters.endpoint_metrics = True  # what is computed can be counted; behind the key
    parameters.cors_origins = ""
    return parameters


def gpu_layers_of(settings: EngineSettings) -> int | None:
    """None: the library's own choice."""
    return 0 if settings.device == "cpu" else settings.gpu_layers


def place_of(library: _Library, room: Room) -> str:
    """Where it computes, for the log; a build that knows no card is said where one was wanted."""
    if cards := _cards(library, room):
        return ", ".join(cards)
    if room.gpu_layers:
        _log.warning("the installed xllamacpp finds no card: engine.gpu_layers has no effect")
    return "the CPU"


def _cards(library: _Library, room: Room) -> list[str]:
    """The cards it computes on."""
    if room.gpu_layers == 0:
        return []
    card = library.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_GPU
    return [device["description"] for device in library.get_device_info() if device["type"] == card]
