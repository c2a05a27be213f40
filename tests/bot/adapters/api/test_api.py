"""The API in this process: what holds of the server around it."""

from __future__ import annotations

import httpx2
import pytest
from pydantic import SecretStr

from bot.settings import WebSettings
from tests.support.api_server import Served, api_server


def client(served: Served, key: str | None = "shared", **headers: str) -> httpx2.AsyncClient:
    opens = {} if key is None else {"authorization": f"Bearer {served.keys[key]}"}
    return httpx2.AsyncClient(base_url=served.address, headers=opens | headers, trust_env=False)


async def test_with_a_login_other_machines_may_ask_but_not_without_a_key(tmp_path):
    web = WebSettings(port=0, password=SecretStr("x"))
    async with api_server(tmp_path, web=web) as served:
        for headers in ({"host": "wiki.example"}, {"x-forwarded-for": "10.0.0.1"}):
            async with client(served, **headers) as opened:
                assert (await opened.get("/v1/models")).status_code == 200
            async with client(served, None, **headers) as closed:
                assert (await closed.get("/v1/models")).status_code == 401
        async with client(served, host="wiki.example", origin="http://evil.example") as foreign:
            assert (await foreign.get("/v1/models")).status_code == 403


async def test_it_takes_its_own_addresses_and_leaves_all_others(tmp_path):
    async with api_server(tmp_path) as served, client(served) as opened:
        assert (await opened.get("/")).text == '"the console"'
        assert (await opened.get("/healthz")).status_code == 200
        for path in ("/v1", "/v1/", "/v1/nothing", "/v1/a%0Ab", "/v1/../v1/nothing", "/v1//models"):
            answer = await opened.get(path)
            assert answer.status_code == 404
            assert answer.json()["error"]["message"]
        for path in ("/v10/models", "/V1/models", "/x/v1/models"):
            assert "error" not in (await opened.get(path)).text


@pytest.mark.parametrize("tag", ["zh-CN", "../../etc", "%00", "x" * 5000, "en;q=x", "en_US.UTF-8"])
async def test_whatever_language_a_caller_names_is_no_harm(tmp_path, tag):
    async with api_server(tmp_path) as served, client(served, **{"accept-language": tag}) as opened:
        asked = {"role": "user", "content": "Paris \x00 \u202e lies on which river?"}
        body = {"model": "lorekeeper", "messages": [asked]}
        answer = await opened.post("/v1/chat/completions", json=body)
        assert answer.status_code == 200, answer.text
