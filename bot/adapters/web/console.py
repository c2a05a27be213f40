"""The console: its pages on one Gradio application, with one header above all of them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState
from gradio.utils import get_upload_folder

from bot.adapters.web.addresses import Addresses, names_foreign_file
from bot.adapters.web.frame import Frame, head, theme
from bot.adapters.web.heading import Heading
from bot.adapters.web.pages import PAGES
from bot.adapters.web.parts import Parts
from bot.adapters.web.visitors import visitor_in
from bot.settings import WebSettings


class _Pages(gr.Blocks):
    """Pages to which nobody can name a file that they have not sent."""

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> list[Any]:
        if names_foreign_file(inputs, _uploads()):
            raise gr.Error("This file was not sent.", print_exception=False)
        processed: list[Any] = await super().preprocess_data(block_fn, inputs, state, explicit_call)
        return processed


class Console:
    """Shows the one pipeline of every surface on pages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def mount(self, app: FastAPI, settings: WebSettings) -> None:
        """Put the first page at `/`, the others below it."""

        @app.get("/visitor")
        async def visitor(request: Request) -> JSONResponse:
            found = visitor_in(request.scope)
            told = {"name": found.name, "role": found.role, "logged_in": found.logged_in}
            return JSONResponse(told, headers={"Cache-Control": "no-store"})

        blocks = _Pages(title="Lorekeeper", analytics_enabled=False, fill_width=True)
        frame = Frame(blocks)
        first, *others = PAGES
        with blocks:
            first.build(frame, self._parts)
        for page in others:
            with blocks.route(page.title, page.path, show_in_navbar=False):
                page.build(frame, self._parts)
        with warnings.catch_warnings():
            # It says that several pages are not rendered on the server, which we do not ask for.
            warnings.filterwarnings("ignore", message="SSR mode is not supported")
            gr.mount_gradio_app(
                app,
                blocks,
                path="/",
                theme=theme(),
                i18n=frame.translations(),
                ssr_mode=False,
                mcp_server=False,
                enable_monitoring=False,
                run_history=False,
                footer_links=[],
                show_error=False,
                max_file_size=self._parts.max_file_mb << 20,
            )
        app.add_middleware(Addresses, folder=_uploads())
        app.add_middleware(Heading, text=head([(page.path, page.title) for page in PAGES]))


def _uploads() -> Path:
    """Where Gradio puts what a page sends (`prepare`)."""
    return Path(get_upload_folder())
