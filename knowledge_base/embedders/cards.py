"""Cards that embedders compute on: whether there is one, and what to do where it is full."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from knowledge_base.embedders.base import Vectors

if TYPE_CHECKING:
    import torch

    from knowledge_base.embedders.batching import Encode

log = logging.getLogger(__name__)

Model = TypeVar("Model")


def device_for(wanted: str, has_card: Callable[[], bool]) -> Literal["cpu", "cuda"]:
    """Where a model computes: on a card where there is one, unless it is not to."""
    return "cuda" if wanted != "cpu" and has_card() else "cpu"


def has_card() -> bool:
    """Whether torch is there and computes on a CUDA card here.

    Importing torch takes a second and 250 MB, so a driver is looked for first.
    """
    if importlib.util.find_spec("torch") is None or not has_driver():
        return False
    import torch

    return torch.cuda.is_available()


def has_driver() -> bool:
    """Whether NVIDIA's driver seems to be here."""
    if sys.platform == "win32":
        return shutil.which("nvidia-smi") is not None
    return Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None


def placed(load: Callable[[str], Model], device: str) -> Model:
    """A model on the device, or on the processor where the card has no room for it."""
    try:
        return load(device)
    except RuntimeError as error:
        if device == "cpu" or not is_full(error):
            raise
    _let_go()
    log.warning("the card has no room for the embedder: it runs on the processor")
    return load("cpu")


def aside(encode: Encode) -> Encode:
    """`encode` on a stream of its own: on the stream that everybody shares, an engine's steps
    would stand behind whole batches."""
    streams: list[torch.cuda.Stream] = []

    def streamed(texts: Sequence[str], is_query: bool) -> Vectors:
        import torch

        if not streams:
            # 0 is the lowest priority that there is.
            streams.append(torch.cuda.Stream(priority=0))  # type: ignore[no-untyped-call]
            streams[0].wait_stream(torch.cuda.default_stream())  # which the weights came by
        with torch.cuda.stream(streams[0]):
            return encode(texts, is_query)

    return streamed


def halving(encode: Encode) -> Encode:
    """`encode` in ever smaller parts where the card has no memory left for a batch.

    Raises what `encode` does where not even one text fits.
    """

    def patient(texts: Sequence[str], is_query: bool) -> Vectors:
        try:
            return encode(texts, is_query)
        except RuntimeError as error:
            if len(texts) == 1 or not is_full(error):
                raise
        _let_go()
        middle = len(texts) // 2
        log.warning("the card is full: a batch of %d texts is embedded in two", len(texts))
        parts = (patient(texts[:middle], is_query), patient(texts[middle:], is_query))
        return np.concatenate(parts)

    return patient


def is_full(error: BaseException) -> bool:
    """Whether that is a card that has no memory left."""
    return type(error).__name__ == "OutOfMemoryError"


def _let_go() -> None:
    """Give back what torch keeps for later; without torch nothing is kept."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.cuda.empty_cache()
