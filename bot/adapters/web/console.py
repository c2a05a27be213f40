"""The console: its pages on one Gradio application, with one header above all of them."""

from __future__ import annotations

import warnings

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from bot.adapters.web.frame import Frame, head, theme
from bot.adapters.web.heading import Heading
from bot.adapters.web.pages import PAGES
from bot.adapters.web.parts import Parts
from bot.adapters.web.visitors import visitor_in
from bot.settings import WebSettings


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

        blocks = gr.Blocks(title="Lorekeeper", analytics_enabled=False, fill_width=True)
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
            )
        app.add_middleware(Heading, text=head([(page.path, page.title) for page in PAGES]))
