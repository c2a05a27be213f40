"""Bodies that are not taken: what is said to whoever wrote them."""

from __future__ import annotations

import httpx2

from tests.support.api_server import api_server

_ASKED = [{"role": "user", "content": "Where is Paris?"}]
_TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}


def _pictured(url: str) -> list[object]:
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]


_CASES: tuple[tuple[dict[str, object], str, str], ...] = (
    ({"tools": [_TOOL]}, "tools", "Tools are not called here: leave `tools` out."),
    ({"functions": [{}]}, "functions", "Functions are not called here: leave `functions` out."),
    ({"n": 2}, "n", "There is one answer to a request: leave `n` out."),
    ({"logprobs": True}, "logprobs", "There are no log probabilities: leave `logprobs` out."),
    (
        {"response_format": {"type": "json_object"}},
        "response_format",
        "Answers are text: leave `response_format` out.",
    ),
    (
        {"messages": _pictured("https://example.org/cat.png")},
        "messages",
        "A picture must be a `data:` URL of a PNG, JPEG, GIF or WebP in base64: nothing is"
        " fetched.",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}]},
        "messages",
        "messages.0.user.content.0.text.text: Input should be a valid string",
    ),
    (
        {"temperature": 3},
        "temperature",
        "temperature: Input should be less than or equal to 2",
    ),
)


async def test_what_is_not_taken_is_said_in_words_that_tell_what_to_do(tmp_path):
    async with (
        api_server(tmp_path) as served,
        httpx2.AsyncClient(
            base_url=served.address,
            headers={"authorization": f"Bearer {served.keys['shared']}"},
            trust_env=False,
        ) as client,
    ):

        async def told(path: str, **body: object) -> dict[str, object]:
            answer = await client.post(path, **body)
            assert answer.status_code == 400, answer.text
            error = answer.json()["error"]
            assert error.pop("type") == "invalid_request_error"
            return error

        chat = "/v1/chat/completions"
        for change, param, text in _CASES:
            body = {"model": "lorekeeper", "messages": _ASKED, **change}
            wanted = {"message": text, "param": param, "code": "invalid_value"}
            assert await told(chat, json=body) == wanted
        for tokens in ([1, 2], [[1, 2]], ["a", ""], []):
            error = await told("/v1/embeddings", json={"model": "x", "input": tokens})
            assert (error["param"], "numbers of tokens" in str(error["message"])) == ("input", True)
        json = {"content-type": "application/json"}
        assert await told(chat, content=b'{"model": ', headers=json) == {
            "message": "The body is no valid JSON, from character 10 on.",
            "param": None,
            "code": "invalid_json",
        }
        assert (await told(chat, content=b"[]", headers=json))["param"] is None
