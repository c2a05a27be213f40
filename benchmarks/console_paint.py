"""(m) The console's first paint in a real browser: the navigation, and a page that can be used.

Beside it, the same for an empty page of Gradio's own, which sets what is possible.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from benchmarks.pairing import say, verdict
from tests.support.running import running

LOADS = 9
LIMIT_PAINT_SECONDS = 1.0
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
_EMPTY = """
import os
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
import gradio as gr, uvicorn, sys
from fastapi import FastAPI
with gr.Blocks() as blocks:
    gr.Button("Ask", elem_id="send")
app = gr.mount_gradio_app(FastAPI(), blocks, path="/", ssr_mode=False)
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""
_PAINT = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null"""


async def main() -> bool:
    """Prints the figures beside their limit; True where it holds."""
    if CHROMIUM is None:
        say("  no chromium on this machine: not measured")
        return True
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as served:
        async with _browser() as browser, _empty() as empty:
            painted, usable, bare = [], [], []
            for _load in range(LOADS):
                first, ready = await _loaded(browser, served.address)
                painted.append(first)
                usable.append(ready)
                bare.append((await _loaded(browser, empty))[1])
    say(f"  usable after {statistics.median(usable):.2f} s (median of {LOADS} cold loads)")
    say(f"  an empty page of Gradio's: {statistics.median(bare):.2f} s")
    return verdict("  first paint, seconds", statistics.median(painted), LIMIT_PAINT_SECONDS)


async def _loaded(browser: Browser, address: str) -> tuple[float, float]:
    """Seconds to the first paint, and until a question can be sent; nothing is cached."""
    context = await browser.new_context()
    page = await context.new_page()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await page.goto(address)
    await page.wait_for_selector("#send")
    ready = loop.time() - begun
    painted = await page.evaluate(_PAINT)
    await context.close()
    return (painted or 0.0) / 1000, ready


@asynccontextmanager
async def _browser() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        opened = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        await opened.close()


@asynccontextmanager
async def _empty() -> AsyncIterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _EMPTY, str(port))
    try:
        await _until_it_listens(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def _until_it_listens(port: int) -> None:
    while True:
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return
