"""Real model servers in processes of their own, so that a test can kill them in mid answer."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parents[2]
_LLAMA = """
import sys, time
from core.engines.llama_cpp import bundled_model
import xllamacpp
p = xllamacpp.CommonParams()
p.model.path = str(bundled_model())
p.port = int(sys.argv[1])
p.n_parallel, p.n_ctx = 2, 2048
p.n_batch = p.n_ubatch = 128
p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1
p.cache_ram_mib = p.verbosity = 0
p.warmup = p.ui = False
server = xllamacpp.Server(p)
while True:
    time.sleep(60)
"""


@dataclass
class ModelProcess:
    """A server that can be killed and started again at the same address."""

    command: list[str]
    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        """Until it answers."""
        quiet = asyncio.subprocess.DEVNULL
        environ = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        self.process = await asyncio.create_subprocess_exec(
            *self.command, cwd=ROOT, env=environ, stdout=quiet, stderr=quiet
        )
        async with asyncio.timeout(120), httpx2.AsyncClient(trust_env=False) as client:
            while not await _is_well(client, f"http://127.0.0.1:{self.port}/health"):
                assert self.process.returncode is None, "the server did not start"
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """At once, as a crash would."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


async def _is_well(client: httpx2.AsyncClient, address: str) -> bool:
    try:
        return (await client.get(address)).status_code == 200
    except httpx2.TransportError:
        return False


@asynccontextmanager
async def llama_process() -> AsyncGenerator[ModelProcess, None]:
    """llama.cpp's own server of the bundled model."""
    port = _free_port()
    async with _running([sys.executable, "-c", _LLAMA, str(port)], port) as server:
        yield server


@asynccontextmanager
async def transformers_process(model: Path) -> AsyncGenerator[ModelProcess, None]:
    """`transformers serve` of a folder."""
    port = _free_port()
    program = Path(sys.executable).with_name("transformers")
    command = [str(program), "serve", str(model), "--host", "127.0.0.1", "--port", str(port)]
    async with _running([*command, "--device", "cpu"], port) as server:
        yield server


@asynccontextmanager
async def _running(command: list[str], port: int) -> AsyncGenerator[ModelProcess, None]:
    server = ModelProcess(command, port)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
