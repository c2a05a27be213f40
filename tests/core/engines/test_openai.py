"""The engine for OpenAI-compatible servers, against a scripted one that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from core.engines.base import ChatImage, ChatMessage, EngineDelta, EngineFinished, GenerationOptions
from core.engines.openai import OpenAIEngine
from core.errors import (
    ContextTooLongError,
    EngineRateLimitedError,
    EngineRefusedError,
    EngineTimeoutError,
    EngineUnavailableError,
)
from core.replies import Usage
from core.settings import EngineSettings
from tests.support.pictures import BLUE, RED, drawn, is_about, looked_at, of_url
from tests.support.scripted_server import (
    DONE,
    Scripted,
    ScriptedServer,
    answer,
    delta,
    event,
    scripted_server,
    usage,
)

CHAT = "/v1/chat/completions"
COUNT = "/v1/chat/completions/input_tokens"
QUESTION = (ChatMessage("system", "Be brief."), ChatMessage("user", "Which town?"))


class Naps:
    """Sleeps for no time and remembers for how long it was asked to."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@asynccontextmanager
async def engine_on(server: ScriptedServer, naps: Naps | None = None, **changes):
    settings = EngineSettings(kind="openai", model="m", base_url=server.address, **changes)
    engine = OpenAIEngine(settings, sleep=naps or Naps())
    try:
        yield engine
    finally:
        await engine.aclose()


@pytest.fixture
async def server():
    async with scripted_server() as scripted:
        yield scripted


async def everything(engine: OpenAIEngine, options: GenerationOptions | None = None) -> list:
    async with aclosing(engine.stream(QUESTION, options or GenerationOptions())) as events:
        return [event async for event in events]


def failure(status: int, message: str = "no", headers: dict | None = None, **error) -> Scripted:
    body = json.dumps({"error": {"message": message, **error}})
    return Scripted(status=status, headers=headers or {}, body=body)


async def test_an_answer_is_streamed_with_the_servers_own_count(server):
    server.script(CHAT, answer("Hal", "den"))
    async with engine_on(server) as engine:
        assert await everything(engine) == [
            EngineDelta("Hal"),
            EngineDelta("den"),
            EngineFinished("stop", Usage(7, 2)),
        ]


async def test_the_request_says_what_was_asked_and_nothing_of_the_environment(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "of-somebody-else")
    monkeypatch.setenv("OPENAI_ORG_ID", "acme")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.script(CHAT, answer("x"))
    async with engine_on(server, api_key="ours") as engine:
        await everything(engine, GenerationOptions(max_tokens=5, temperature=0.5, stop=("#",)))
    (asked,) = server.asked
    assert asked.headers["authorization"] == "Bearer ours"
    assert "openai-organization" not in asked.headers
    assert asked.body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Which town?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "temperature": 0.5,
        "stop": ["#"],
    }


async def test_options_that_are_not_set_are_left_to_the_server(server):
    server.script(CHAT, answer("x"))
    async with engine_on(server) as engine:
        await everything(engine)
    assert set(server.asked[0].body) == {"model", "messages", "stream", "stream_options"}


@pytest.mark.parametrize(
    ("finish", "reason"), [("stop", "stop"), ("length", "length"), ("content_filter", "filter")]
)
async def test_the_reason_of_the_end_is_told(server, finish, reason):
    server.script(CHAT, Scripted([delta("x"), delta(finish=finish), usage(1, 1), DONE]))
    async with engine_on(server) as engine:
        assert (await everything(engine))[-1] == EngineFinished(reason, Usage(1, 1))


async def test_a_server_that_counts_nothing_is_counted_for(server):
    server.script(CHAT, Scripted([delta("哈尔登很大"), delta(finish="stop"), DONE]))
    async with engine_on(server) as engine:
        finished = (await everything(engine))[-1]
    assert finished.usage.completion_tokens >= 5
    assert finished.usage.prompt_tokens >= 6


async def test_counts_below_nothing_are_no_counts_and_a_reason_is_a_word(server):
    strange = delta(finish=["stop"])
    server.script(CHAT, Scripted([delta("x"), strange, delta(finish="stop"), usage(-9, 1), DONE]))
    async with engine_on(server) as engine:
        finished = (await everything(engine))[-1]
    assert finished.reason == "stop"
    assert finished.usage.estimated
    assert finished.usage.prompt_tokens > 0


async def test_leaving_closes_the_connection_so_that_the_server_stops(server):
    server.script(CHAT, Scripted([delta("x"), delta("y")], hold={1: asyncio.Event()}))
    async with engine_on(server) as engine:
        async with aclosing(engine.stream(QUESTION, GenerationOptions())) as events:
            assert await anext(events) == EngineDelta("x")
        await server.asked[0].gone.wait()


async def test_cancelling_while_the_server_reads_the_prompt_closes_the_connection(server):
    server.script(CHAT, Scripted([delta("x")], hold_headers=asyncio.Event()))
    async with engine_on(server) as engine:
        task = asyncio.create_task(everything(engine))
        while not server.asked:  # noqa: ASYNC110 - the request is on its way
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await server.asked[0].gone.wait()


async def test_a_first_byte_that_does_not_come_is_a_timeout_and_not_tried_again(server):
    server.script(CHAT, Scripted(hold_headers=asyncio.Event()))
    async with engine_on(server, request_timeout_seconds=0.05) as engine:
        with pytest.raises(EngineTimeoutError) as caught:
            await everything(engine)
    assert (caught.value.seconds, len(server.asked)) == (0.05, 1)


async def test_a_pause_in_mid_answer_is_a_timeout(server):
    server.script(CHAT, Scripted([delta("x"), delta("y")], hold={1: asyncio.Event()}))
    async with engine_on(server, request_timeout_seconds=0.05) as engine:
        events = engine.stream(QUESTION, GenerationOptions())
        assert await anext(events) == EngineDelta("x")
        with pytest.raises(EngineTimeoutError):
            await anext(events)


@pytest.mark.parametrize(
    "fault", [failure(500), failure(503), Scripted(drop_at=0), Scripted([DONE])]
)
async def test_what_breaks_before_the_first_word_is_tried_again(server, fault):
    server.script(CHAT, fault, fault, answer("yes"))
    naps = Naps()
    async with engine_on(server, naps) as engine:
        assert EngineDelta("yes") in await everything(engine)
    assert naps.taken == [0.5, 1.0]


async def test_the_third_failure_stands(server):
    server.script(CHAT, failure(500))
    async with engine_on(server) as engine:
        with pytest.raises(EngineUnavailableError) as caught:
            await everything(engine)
    assert (caught.value.target, len(server.asked)) == (server.address, 3)


@pytest.mark.parametrize(
    "pieces",
    [
        [delta("x")],
        [delta("x"), event("{not json")],
        [delta("x"), event("[]")],
        [delta("x"), event({"error": {"message": "out of memory"}})],
        [delta("x"), event({"choices": None})],
    ],
    ids=["ends without an end", "no json", "no object", "error event", "no choices"],
)
async def test_what_breaks_after_the_first_word_stands_and_is_not_tried_again(server, pieces):
    server.script(CHAT, Scripted([*pieces, delta("y")] if len(pieces) > 1 else pieces))
    async with engine_on(server) as engine:
        events = engine.stream(QUESTION, GenerationOptions())
        assert await anext(events) == EngineDelta("x")
        with pytest.raises(EngineUnavailableError):
            await anext(events)
    assert len(server.asked) == 1


async def test_a_connection_that_drops_in_mid_answer_is_told(server):
    server.script(CHAT, Scripted([delta("x"), delta("y")], drop_at=1))
    async with engine_on(server) as engine:
        events = engine.stream(QUESTION, GenerationOptions())
        with pytest.raises(EngineUnavailableError):
            [event async for event in events]
    assert len(server.asked) == 1


async def test_a_short_rate_limit_is_waited_for(server):
    server.script(CHAT, failure(429, headers={"Retry-After": "2"}), answer("yes"))
    naps = Naps()
    async with engine_on(server, naps) as engine:
        assert EngineDelta("yes") in await everything(engine)
    assert naps.taken == [2.0]


@pytest.mark.parametrize(
    ("header", "told"), [("60", 60.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("inf", None)]
)
async def test_a_rate_limit_that_stays_is_told_with_its_time(server, header, told):
    server.script(CHAT, failure(429, headers={"Retry-After": header}))
    async with engine_on(server) as engine:
        with pytest.raises(EngineRateLimitedError) as caught:
            await everything(engine)
    assert caught.value.retry_after == told
    assert len(server.asked) == (1 if told else 3)


@pytest.mark.parametrize(
    "fault",
    [
        failure(
            400,
            "This model's maximum context length is 4096 tokens. However, you requested 5000 "
            "tokens (4200 in the messages, 800 in the completion).",
            code="context_length_exceeded",
        ),
        failure(
            400,
            "request (5000 tokens) exceeds the available context size (4096 tokens)",
            type="exceed_context_size_error",
        ),
        Scripted(
            [
                event(
                    {
                        "error": {
                            "message": "requested 5000 tokens, context window is 4096",
                            "code": "context_length_exceeded",
                        }
                    }
                )
            ]
        ),
    ],
    ids=["openai and vllm", "llama-server", "in the stream"],
)
async def test_a_prompt_that_is_too_long_is_told_with_both_figures(server, fault):
    server.script(CHAT, fault)
    async with engine_on(server) as engine:
        with pytest.raises(ContextTooLongError) as caught:
            await everything(engine)
    assert (caught.value.tokens, caught.value.limit) == (5000, 4096)
    assert len(server.asked) == 1


async def test_a_too_long_prompt_without_figures_is_told_with_ours(server):
    server.script(CHAT, failure(400, "no room", code="context_length_exceeded"))
    async with engine_on(server, context_window=2048) as engine:
        with pytest.raises(ContextTooLongError) as caught:
            await everything(engine)
    assert caught.value.limit == 2048


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_refusal_is_not_tried_again(server, status):
    server.script(CHAT, failure(status))
    async with engine_on(server) as engine:
        with pytest.raises(EngineRefusedError):
            await everything(engine)
    assert len(server.asked) == 1


async def test_a_server_that_is_not_there_is_named():
    settings = EngineSettings(kind="openai", model="m", base_url="http://127.0.0.1:9/v1")
    naps = Naps()
    engine = OpenAIEngine(settings, sleep=naps)
    with pytest.raises(EngineUnavailableError) as caught:
        await everything(engine)
    assert (caught.value.target, len(naps.taken)) == ("http://127.0.0.1:9/v1", 2)
    assert await engine.count_tokens(QUESTION) > 0
    await engine.aclose()


async def test_an_engine_without_an_address_is_told_which_key_is_missing():
    with pytest.raises(EngineUnavailableError) as caught:
        OpenAIEngine(EngineSettings(kind="openai"))
    assert caught.value.target == "engine.base_url"


async def test_tokens_are_counted_as_llama_server_counts(server):
    server.script(COUNT, Scripted(body='{"input_tokens": 31}'))
    async with engine_on(server) as engine:
        assert await engine.count_tokens(QUESTION) == 31


async def test_tokens_are_counted_as_vllm_counts(server):
    server.script("/tokenize", Scripted(body='{"count": 29, "max_model_len": 4096, "tokens": []}'))
    async with engine_on(server) as engine:
        assert [await engine.count_tokens(QUESTION) for _ in range(2)] == [29, 29]
    assert len(server.asked_for(COUNT)) == 1


async def test_a_server_that_cannot_count_is_asked_once_and_then_estimated(server):
    server.script("/tokenize", Scripted(body='{"tokens": []}'))
    async with engine_on(server) as engine:
        counts = [await engine.count_tokens(QUESTION) for _ in range(3)]
    assert counts[0] == counts[1] == counts[2] > 5
    assert len(server.asked) == 2


async def test_once_closed_it_is_unavailable(server):
    async with engine_on(server) as engine:
        await engine.aclose()
        with pytest.raises(EngineUnavailableError):
            await everything(engine)
        with pytest.raises(EngineUnavailableError):
            await engine.count_tokens(QUESTION)
    assert server.asked == []


@pytest.fixture
def pictured(tmp_path):
    images = []
    for number, colour in enumerate((RED, BLUE)):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(drawn(colour, (300, 200), "JPEG"))
        images.append(ChatImage(path, "image/jpeg", 300, 200, f'{number}"></picture>.png'))
    return (
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "Which is warmer?", images=tuple(images)),
    )


async def test_pictures_are_content_parts_between_marks_before_the_question(server, pictured):
    server.script(CHAT, answer("The first."))
    async with engine_on(server, accepts_images=True) as engine:
        assert engine.accepts_images
        async with aclosing(engine.stream(pictured, GenerationOptions())) as events:
            said = [event async for event in events]
        assert said[0] == EngineDelta("The first.")
    system, user = server.asked_for(CHAT)[0].body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    kinds = [part["type"] for part in user["content"]]
    assert kinds == ["text", "image_url", "text", "text", "image_url", "text", "text"]
    texts = [part["text"] for part in user["content"] if part["type"] == "text"]
    assert texts[0] == '<picture number="1" name="0\'›‹/picture›.png">'
    assert (texts[1], texts[-1]) == ("</picture>", "Which is warmer?")
    for part, colour in zip(user["content"][1::3], (RED, BLUE), strict=False):
        assert is_about(looked_at(of_url(part["image_url"]["url"]))[2], colour)


async def test_pictures_are_estimated_and_the_rest_is_counted_by_the_server(server, pictured):
    server.script(COUNT, Scripted(body='{"input_tokens": 20}'))
    async with engine_on(server, accepts_images=True) as engine:
        assert await engine.count_tokens(pictured) == 20 + 2 * (85 + 300 * 200 // 750)
    (asked,) = server.asked_for(COUNT)
    assert "data:" not in json.dumps(asked.body)
    assert asked.body["messages"][1]["content"].endswith("Which is warmer?")


async def test_pictures_are_estimated_where_nobody_counts(server, pictured):
    async with engine_on(server, accepts_images=True) as engine:
        plain = [replace(message, images=()) for message in pictured]
        with_them, without = [await engine.count_tokens(each) for each in (pictured, plain)]
    assert with_them == without + 2 * (85 + 300 * 200 // 750)


async def test_a_picture_whose_asker_has_left_is_no_request(server, pictured):
    pictured[1].images[1].path.unlink()
    server.script(CHAT, answer("x"))
    async with engine_on(server, accepts_images=True) as engine:
        with pytest.raises(EngineRefusedError):
            async with aclosing(engine.stream(pictured, GenerationOptions())) as events:
                await anext(events)
    assert server.asked_for(CHAT) == []


async def test_a_model_is_taken_to_see_only_where_that_is_configured(server):
    async with engine_on(server) as engine:
        assert not engine.accepts_images
