"""Who may read the figures, and when we say that we are ready."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from bot.adapters.web.server import create_app
from bot.adapters.web.vitals import Vitals
from bot.settings import WebSettings

TOKEN = "t0k3n"


async def figures() -> bytes:
    return b"lorekeeper_bases 3.0\n"


class Everything:
    """A console that takes every address that nobody else has."""

    def mount(self, app: FastAPI, settings: WebSettings) -> None:
        @app.get("/{path:path}")
        async def page(path: str) -> str:
            return "the page"


def client(
    *, token: str | None = None, password: str | None = None, ready: bool = True, sent_by: str
) -> TestClient:
    settings = WebSettings(
        password=SecretStr(password) if password else None,
        metrics_token=SecretStr(token) if token else None,
    )
    app = create_app(settings, Vitals(lambda: ready, figures), Everything())
    return TestClient(app, base_url="http://127.0.0.1:7860", client=(sent_by, 5000))


def test_this_machine_reads_the_figures_without_a_token():
    got = client(sent_by="127.0.0.1").get("/metrics")
    assert (got.status_code, got.text) == (200, "lorekeeper_bases 3.0\n")
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("password", [None, "a password"])
@pytest.mark.parametrize(
    ("sent_by", "headers"),
    [
        ("10.0.0.7", {}),
        ("127.0.0.1", {"host": "lore.example"}),
        ("127.0.0.1", {"x-forwarded-for": "10.0.0.7"}),
    ],
)
def test_another_machine_does_not_with_or_without_a_login_of_the_console(
    sent_by, headers, password
):
    got = client(sent_by=sent_by, password=password).get("/metrics", headers=headers)
    assert got.status_code == 403
    assert "web.metrics_token_env" in got.text


def test_with_a_token_whoever_sends_it_may_and_nobody_else_not_even_from_here():
    bearer = {"authorization": f"Bearer {TOKEN}"}
    for sent_by in ("10.0.0.7", "127.0.0.1"):
        asks = client(token=TOKEN, password="x", sent_by=sent_by)
        assert asks.get("/metrics", headers=bearer).status_code == 200
        for wrong in ({}, {"authorization": "Bearer nonsense"}, {"authorization": "Bearer 问"}):
            sent = {name: value.encode() for name, value in wrong.items()}
            assert asks.get("/metrics", headers=sent).status_code == 401


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_anybody_is_told_whether_we_are_ready(ready, status):
    asks = client(ready=ready, sent_by="10.0.0.7")
    assert asks.get("/healthz/ready", headers={"host": "10.0.0.9"}).status_code == status
    assert asks.get("/healthz", headers={"host": "10.0.0.9"}).json() == {"status": "ok"}


def test_without_figures_there_is_no_page_for_them():
    app = create_app(WebSettings(), Vitals(lambda: True, None))
    asks = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5000))
    assert asks.get("/metrics").status_code == 404
