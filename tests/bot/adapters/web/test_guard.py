from __future__ import annotations

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from bot.adapters.web.guard import HostGuard, is_loopback


async def page(scope, receive, send):
    await PlainTextResponse("the page")(scope, receive, send)


def status(path: str = "/", sent_by: str = "127.0.0.1", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    client = TestClient(HostGuard(page), base_url="http://127.0.0.1:7860", client=(sent_by, 5000))
    return client.get(path, headers=named).status_code


@pytest.mark.parametrize(
    "host", ["127.0.0.1:7860", "localhost", "localhost:7860", "[::1]:7860", "127.1.2.3"]
)
def test_a_loopback_host_may_pass(host):
    assert status(host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7860",
        "127.0.0.1.evil.example",
        "10.0.0.7",
        "",
        "[::1",
    ],
)
def test_any_other_host_is_refused(host):
    assert status(host=host) == 403


@pytest.mark.parametrize(
    "name",
    [
        "X_Forwarded_For",
        "Forwarded",
        "X_Forwarded_Host",
        "X_Forwarded_Proto",
        "X_Real_IP",
        "CF_Connecting_IP",
    ],
)
def test_what_came_through_a_proxy_is_refused(name):
    assert status(**{name: "1.2.3.4"}) == 403


@pytest.mark.parametrize(("version", "code"), [("1.0", 403), ("1.1", 200), ("2", 200)])
async def test_a_proxy_that_says_nothing_of_itself_is_told_by_how_it_asks(version, code):
    said = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        said.append(message)

    scope = {
        "type": "http",
        "http_version": version,
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:7860")],
        "client": ("127.0.0.1", 5000),
    }
    await HostGuard(page)(scope, receive, send)
    assert said[0]["status"] == code


def test_another_machine_is_refused_whatever_host_it_names():
    assert status(sent_by="192.0.2.7", host="localhost") == 403
    assert status(sent_by="::1", host="localhost") == 200


def test_a_page_of_another_origin_may_not_send():
    assert status(origin="http://evil.example") == 403
    assert status(origin="null") == 403
    assert status(origin="http://[") == 403
    assert status(origin="http://127.0.0.1:7860") == 200


def test_health_is_told_to_anybody():
    assert status(path="/healthz", host="10.0.0.7") == 200


def test_loopback_is_told_from_names_that_look_like_it():
    assert is_loopback("app.localhost")
    assert not is_loopback("localhost.evil.example")
