"""The engine in this process with an image projector: what it is shown arrives in the model."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest
import pytest_asyncio

from core.engines.base import ChatImage, ChatMessage, EngineFinished, GenerationOptions
from core.engines.llama_cpp import LlamaCppEngine, bundled_model
from core.errors import EngineRefusedError, EngineUnavailableError, ModelNotLoadedError
from core.settings import EngineSettings
from tests.support.pictures import RED, drawn
from tests.support.smollm2 import needs_smollm2
from tests.support.tiny_eye import TOKENS, write_projector

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPTIONS = GenerationOptions(max_tokens=4, temperature=0.0)


def settings(projector: str) -> EngineSettings:
    model = str(bundled_model())
    return EngineSettings(
        model=model, max_concurrent=1, context_window=1024, image_projector=projector
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(tmp_path_factory) -> AsyncGenerator[LlamaCppEngine, None]:
    needs_smollm2()
    projector = write_projector(tmp_path_factory.mktemp("model") / "mmproj.gguf")
    opened = await LlamaCppEngine.load(settings(str(projector)), 1)
    yield opened
    await opened.aclose()


@pytest.fixture
def pictured(tmp_path) -> ChatMessage:
    (tmp_path / "a.jpg").write_bytes(drawn(RED, (200, 100), "JPEG"))
    image = ChatImage(tmp_path / "a.jpg", "image/jpeg", 200, 100, "a.png")
    return ChatMessage("user", "What is it?", images=(image,))


async def prompt_tokens(engine: LlamaCppEngine, message: ChatMessage) -> int:
    async with aclosing(engine.stream([message], OPTIONS)) as events:
        last = [event async for event in events][-1]
    assert isinstance(last, EngineFinished)
    return last.usage.prompt_tokens


async def test_a_picture_is_read_by_the_model_and_counted_rather_too_high(engine, pictured):
    assert engine.accepts_images
    without = replace(pictured, images=())
    marks = replace(without, text='<picture number="1" name="a.png"></picture>What is it?')
    read = await prompt_tokens(engine, pictured)
    assert read >= await prompt_tokens(engine, marks) + TOKENS - 2
    assert await engine.count_tokens([pictured]) >= read


async def test_what_is_no_picture_is_refused_and_the_next_is_read(engine, pictured, tmp_path):
    good = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises((EngineRefusedError, EngineUnavailableError)):
        await prompt_tokens(engine, pictured)
    (tmp_path / "a.jpg").write_bytes(good)
    assert await prompt_tokens(engine, pictured) > TOKENS


async def test_a_picture_whose_asker_has_left_is_refused(engine, pictured, tmp_path):
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(EngineRefusedError):
        await prompt_tokens(engine, pictured)


async def test_a_projector_that_is_none_is_named():
    needs_smollm2()
    with pytest.raises(ModelNotLoadedError) as raised:
        await LlamaCppEngine.load(settings("nowhere/mmproj.gguf"), 1)
    assert (raised.value.problem, raised.value.detail) == ("missing", "nowhere/mmproj.gguf")


async def test_the_models_own_file_is_no_projector():
    needs_smollm2()
    with pytest.raises(ModelNotLoadedError):
        await LlamaCppEngine.load(settings(str(bundled_model())), 1)
