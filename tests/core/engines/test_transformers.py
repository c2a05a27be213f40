"""The engine in this process with small random models: answers, stops, failures, other deaths."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import logging
import threading
import weakref
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import psutil
import pytest

from core.engines.base import ChatMessage, EngineFinished, GenerationOptions
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.engines.transformers import TransformersEngine
from core.engines.transformers_life import BatchPlan
from core.errors import EngineMemoryError, EngineUnavailableError, ModelNotLoadedError
from core.events import ChannelRef, Platform
from core.reasoning import without_reasoning
from core.settings import EngineSettings
from tests.support.tiny_models import FAMILIES, UNBATCHED, VOCABULARY, write_tiny_model

pytestmark = pytest.mark.local

PLAN = BatchPlan(slots=8, context_window=1024, step_tokens=64, page_tokens=16)
QUESTION = (
    ChatMessage("system", "Answer from the passages alone, in the language of the question."),
    ChatMessage("user", "When does the harbour of Halden freeze? 港口什么时候结冰？ 😀"),
)
GREEDY = GenerationOptions(max_tokens=24, temperature=0.0)
ANN = Asker(ChannelRef(Platform.TERMINAL, "here"), "ann")


def settings(folder: Path, **changes) -> EngineSettings:
    kept = EngineSettings(model=str(folder), dtype="float32", device="cpu")
    return replace(kept, **changes)


@asynccontextmanager
async def opened(folder: Path, plan: BatchPlan = PLAN, **changes):
    engine = await TransformersEngine.load(settings(folder, **changes), 1, plan)
    try:
        yield engine
    finally:
        await engine.aclose()


@pytest.fixture
async def engine(tiny_models) -> AsyncGenerator[TransformersEngine, None]:
    async with opened(tiny_models("llama")) as engine:
        yield engine


async def said(engine, messages=QUESTION, options=GREEDY) -> tuple[str, EngineFinished]:
    text = ""
    async with aclosing(engine.stream(messages, options)) as events:
        async for event in events:
            if isinstance(event, EngineFinished):
                return text, event
            text += event.text
    raise AssertionError("no end")


def questions(count: int) -> list[tuple[ChatMessage, ...]]:
    """Prompts of many lengths."""
    return [
        (ChatMessage("user", f"Question {n}: 哪里 " + "where " * (n * 7)),) for n in range(count)
    ]


def library_says(engine: TransformersEngine, messages=QUESTION, tokens: int = 24) -> str:
    """What the library's own `generate` makes of the same prompt."""
    import torch
    from transformers import AutoTokenizer

    loaded = engine._loaded
    prompt, opening = loaded.template.prompt(messages)
    made = loaded.model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=tokens,
        do_sample=False,
    )
    tokenizer = AutoTokenizer.from_pretrained(loaded.model.config._name_or_path)
    text = tokenizer.decode(made[0][len(prompt) :], skip_special_tokens=True)
    return opening + text.replace("\ufffd", "")


class Steps:
    """Counts the forward passes of a model and the tokens they read; can hold one up."""

    def __init__(self, model) -> None:
        self.read: list[int] = []
        self.entered = threading.Event()
        self.may_go = threading.Event()
        self.may_go.set()
        self.raising: list[tuple[int, Exception]] = []
        self._hook = model.register_forward_pre_hook(self._step, with_kwargs=True)

    def _step(self, _module, _given, named) -> None:
        tokens = named["input_ids"].shape[-1]
        self.read.append(tokens)
        for least, error in list(self.raising):
            if tokens >= least:
                self.raising.remove((least, error))
                raise error
        self.entered.set()
        assert self.may_go.wait(30)

    def remove(self) -> None:
        self._hook.remove()


@contextmanager
def steps_of(engine: TransformersEngine) -> Iterator[Steps]:
    steps = Steps(engine._loaded.model)
    try:
        yield steps
    finally:
        steps.may_go.set()
        steps.remove()


@pytest.mark.parametrize("family", FAMILIES)
async def test_what_is_streamed_is_what_the_library_generates(tiny_models, family):
    async with opened(tiny_models(family)) as engine:
        text, end = await said(engine)
        assert end.usage.prompt_tokens == await engine.count_tokens(QUESTION)
    assert text == library_says(engine)
    assert len(set(text)) > 4


@pytest.mark.parametrize("family", FAMILIES)
async def test_eight_at_once_are_told_what_each_is_told_alone(tiny_models, family):
    async with opened(tiny_models(family)) as engine:
        together = await asyncio.gather(*(said(engine, one) for one in questions(8)))
        alone = [await said(engine, one) for one in questions(8)]
    assert together == alone
    assert len({text for text, _end in alone}) > 4


async def test_a_stop_ends_the_computing_within_one_token(engine):
    with steps_of(engine) as steps:
        async with aclosing(engine.stream(QUESTION, replace(GREEDY, max_tokens=500))) as events:
            await anext(events)
            await anext(events)
            before = len(steps.read)
        # The step at work, and the one that had begun before we were told of its predecessor.
        stopped = len(steps.read)
        assert stopped - before <= 2
        await said(engine, options=replace(GREEDY, max_tokens=3))
        # Alone in its batch, and the prompt known up to its last page: nothing else is computed.
        assert len(steps.read[stopped:]) == 3
        assert steps.read[stopped + 1 :] == [1, 1]


async def test_a_stop_in_the_prompt_tells_the_asker_at_once_and_keeps_the_slot_until_it_is_free(
    engine,
):
    queued = QueuedEngine.of(engine, EngineSettings(max_concurrent=1))
    long = (ChatMessage("user", "word " * 200),)
    with steps_of(engine) as steps:
        steps.may_go.clear()
        reply = queued.generate(long, GREEDY, ANN)
        first = asyncio.ensure_future(anext(reply))
        await asyncio.to_thread(steps.entered.wait, 30)
        first.cancel()
        await asyncio.wait([first])
        await reply.aclose()
        assert queued.queue.load.busy == 1
        waiting = queued.generate(QUESTION, GREEDY, ANN)
        assert (await anext(waiting)).position == 1
        await waiting.aclose()
        steps.may_go.set()
        await queued.settle()
        assert queued.queue.load.busy == 0
        # Of several steps that the prompt would have taken, one was at work.
        assert len(steps.read) == 1


async def test_one_who_runs_out_of_memory_fails_alone_and_the_others_go_on(engine, caplog):
    import torch

    alone, _ = await said(engine, options=replace(GREEDY, max_tokens=120))
    with steps_of(engine) as steps:
        steps.raising.append((60, torch.OutOfMemoryError("CUDA out of memory.")))
        task = asyncio.create_task(said(engine, options=replace(GREEDY, max_tokens=120)))
        await asyncio.to_thread(steps.entered.wait, 30)
        with caplog.at_level(logging.CRITICAL, logger="ContinuousBatchingLogger"):
            with pytest.raises(EngineMemoryError) as caught:
                await said(engine, (ChatMessage("user", "word " * 150),))
            assert (await task)[0] == alone
    assert caught.value.tokens > 150
    assert engine._batch.plan.step_tokens == PLAN.step_tokens // 2
    assert (await said(engine, options=replace(GREEDY, max_tokens=120)))[0] == alone


async def test_memory_that_runs_out_again_and_again_takes_a_quarter_of_the_slots(
    tiny_models, caplog
):
    import torch

    caplog.set_level(logging.CRITICAL, logger="ContinuousBatchingLogger")
    async with opened(tiny_models("llama")) as engine:
        while engine.slots == PLAN.slots:
            before = engine._batch.plan.step_tokens
            with steps_of(engine) as steps:
                steps.raising.append((1, torch.OutOfMemoryError("CUDA out of memory.")))
                with pytest.raises(EngineMemoryError):
                    await said(engine)
        assert before == 32  # steps were made smaller first
        assert engine.slots == PLAN.slots * 3 // 4
        await said(engine)


async def test_memory_is_given_back_when_it_ran_out_and_at_the_end(tiny_models, caplog):
    import torch

    # A record that is kept keeps the frames of its error, and so what is to be given back.
    caplog.set_level(logging.CRITICAL, logger="ContinuousBatchingLogger")
    async with opened(tiny_models("llama")) as engine:
        first = weakref.ref(engine._batch._life._manager.batch_processor.cache.cache_tensor)
        with steps_of(engine) as steps:
            steps.raising.append((1, torch.OutOfMemoryError("CUDA out of memory.")))
            with pytest.raises(EngineMemoryError):
                await said(engine)
        await said(engine)
        second = weakref.ref(engine._batch._life._manager.batch_processor.cache.cache_tensor)
        model = weakref.ref(engine._loaded.model)
    del engine, steps
    gc.collect()
    assert (first(), second(), model()) == (None, None, None)


async def test_a_stop_while_memory_runs_out_is_a_stop(engine):
    import torch

    with steps_of(engine) as steps:
        steps.may_go.clear()
        steps.raising.append((1, torch.OutOfMemoryError("CUDA out of memory.")))
        stream = engine.stream(QUESTION, GREEDY)
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        steps.may_go.set()
        await stream.aclose()
    assert (await said(engine))[1].reason in ("stop", "length")


async def test_when_the_thread_dies_everybody_is_told_and_the_next_is_served(engine):
    before = await said(engine)
    with steps_of(engine) as steps:
        steps.raising.append((1, ValueError("a broken kernel")))
        told = await asyncio.gather(*(said(engine) for _ in range(3)), return_exceptions=True)
    assert {type(one) for one in told} == {EngineUnavailableError}
    assert await said(engine) == before


async def test_after_two_deaths_in_a_row_it_is_off_and_says_so_at_once(engine, caplog):
    with steps_of(engine) as steps:
        for _ in range(2):
            steps.raising.append((1, ValueError("a broken kernel")))
            with pytest.raises(EngineUnavailableError):
                await said(engine)
        with pytest.raises(EngineUnavailableError):
            await said(engine)
        assert len(steps.read) == 2
    assert "died twice in a row and is off" in caplog.text


async def test_closing_breaks_off_what_runs_and_leaves_no_thread(tiny_models):
    before = set(threading.enumerate())
    async with opened(tiny_models("llama")) as engine:
        running = [asyncio.create_task(said(engine)) for _ in range(3)]
        waiting = engine.stream(QUESTION, replace(GREEDY, max_tokens=900))
        await anext(waiting)
    told = await asyncio.gather(*running, return_exceptions=True)
    with pytest.raises(EngineUnavailableError):
        async for _event in waiting:
            pass
    with pytest.raises(EngineUnavailableError):
        await said(engine)
    assert all(isinstance(one, EngineUnavailableError | tuple) for one in told)
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not any(name.startswith(("generation", "tokens", "Thread-")) for name in left)


async def test_a_beginning_that_was_read_before_is_not_read_again(engine):
    shared = ChatMessage("system", "These are the rules of the house. " * 12)
    ask = [(shared, ChatMessage("user", f"Question {n}")) for n in range(2)]
    with steps_of(engine) as steps:
        await said(engine, ask[0], replace(GREEDY, max_tokens=2))
        first = sum(steps.read)
        steps.read.clear()
        await said(engine, ask[1], replace(GREEDY, max_tokens=2))
    assert first > 150
    assert sum(steps.read) < 50


async def test_the_same_seed_gives_the_same_answer_whoever_else_asks(engine):
    seeded = GenerationOptions(max_tokens=24, temperature=1.5, top_p=1.0, seed=7)
    alone = await said(engine, options=seeded)
    among = await asyncio.gather(
        said(engine, options=seeded),
        *(said(engine, options=replace(seeded, seed=n)) for n in range(8, 12)),
        said(engine),
    )
    assert among[0] == alone
    assert len({text for text, _end in among}) == 6


async def test_an_answer_ends_before_a_stop_string_and_computes_no_further(engine):
    whole, _ = await said(engine)
    stop = whole[6:9]
    with steps_of(engine) as steps:
        text, end = await said(
            engine, options=replace(GREEDY, max_tokens=500, stop=(stop, "never"))
        )
    assert text == whole.partition(stop)[0]
    assert end.reason == "stop"
    assert len(steps.read) < 30


async def test_a_thought_that_the_template_opened_is_filtered_like_any_other(tiny_models):
    async with opened(tiny_models("qwen3")) as engine:
        text, _ = await said(engine)
    assert text.startswith("<think>")
    assert without_reasoning(text) == ""
    assert without_reasoning(text + "</think>\n\n31,000.") == "31,000."


async def test_without_a_card_it_runs_on_the_cpu_and_says_so(tiny_models, caplog):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a card")
    async with opened(tiny_models("llama"), device="cuda") as engine:
        assert (await said(engine))[0]
    assert "runs on the CPU, slowly: there is no CUDA card" in caplog.text


async def test_slots_and_context_follow_from_the_settings(tiny_models):
    wanted = settings(tiny_models("llama"), max_concurrent=3, context_window=4096)
    shares: list[tuple[str, float]] = []
    engine = await TransformersEngine.load(
        wanted, 1, progress=lambda stage, share: shares.append((stage, share))
    )
    await engine.aclose()
    assert (engine.slots, engine.context_window) == (3, 2048)  # which it was trained on
    assert shares[0] == ("load", 0.0)
    assert shares[-1] == ("load", 1.0)
    assert [share for _stage, share in shares] == sorted(share for _stage, share in shares)


@pytest.mark.parametrize(("gigabytes", "slots"), [(40, 16), (16, 12), (4, 3), (0.5, 1), (-1, 1)])
def test_without_a_setting_a_card_gets_the_slots_that_fit(gigabytes, slots):
    # The shape of Llama-3-8B: 128 KiB a token.
    plan = BatchPlan(slots=16, context_window=8192, step_tokens=2048)
    fitted = plan.fitting(2 * 32 * 8 * 128 * 2, gigabytes * 1e9)
    assert fitted.slots == slots
    assert slots == 1 or fitted.pages * 64 * (131_072 + 4096) <= gigabytes * 1e9


async def test_the_cache_of_a_token_takes_what_its_config_says(engine):
    # Two layers of two heads of 16 numbers of 4 bytes, keys and values.
    assert engine._loaded.token_bytes == 2 * 2 * 2 * 16 * 4


async def test_a_model_without_a_template_takes_one_from_a_file(tmp_path):
    folder = write_tiny_model(tmp_path / "plain", "llama", template=False)
    with pytest.raises(ModelNotLoadedError) as caught:
        await TransformersEngine.load(settings(folder), 1, PLAN)
    assert caught.value.problem == "no_template"
    template = tmp_path / "own.jinja"
    template.write_text("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}bot:")
    async with opened(folder, chat_template=str(template)) as engine:
        assert engine._loaded.template.text(QUESTION).endswith("😀\nbot:")
        assert (await said(engine))[0]


async def test_where_a_template_knows_no_system_message_it_goes_before_the_question(tiny_models):
    async with opened(tiny_models("gemma3")) as engine:
        text = engine._loaded.template.text(QUESTION)
    assert text.index("Answer from the passages") < text.index("When does the harbour")
    assert text.count("<start_of_turn>user") == 1


def _broken_template(folder: Path) -> EngineSettings:
    file = folder / "broken.jinja"
    file.write_text("{% for m in messages %}")
    return settings(write_tiny_model(folder / "model", "llama"), chat_template=str(file))


def _broken_weights(folder: Path) -> EngineSettings:
    model = write_tiny_model(folder / "model", "llama")
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    return settings(model)


def _unknown_architecture(folder: Path) -> EngineSettings:
    model = write_tiny_model(folder / "model", "llama")
    config = model / "config.json"
    config.write_text(config.read_text().replace('"llama"', '"llama9"'))
    return settings(model)


def _figures_of_another_kind(folder: Path) -> EngineSettings:
    model = write_tiny_model(folder / "model", "llama")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"hidden_size": "large"}))
    return settings(model)


def _no_heads(folder: Path) -> EngineSettings:
    model = write_tiny_model(folder / "model", "llama")
    config = json.loads((model / "config.json").read_text())
    changed = config | {"num_attention_heads": 0, "num_key_value_heads": 0, "head_dim": None}
    (model / "config.json").write_text(json.dumps(changed))
    return settings(model)


def _too_large(folder: Path) -> EngineSettings:
    return settings(
        write_tiny_model(folder / "model", "llama", max_position_embeddings=10**9),
        context_window=10**8,
        max_concurrent=1024,
    )


@pytest.mark.parametrize(
    ("prepare", "problem", "detail"),
    [
        (lambda folder: settings(folder / "none"), "missing", "none"),
        (lambda folder: settings(folder / "none.gguf"), "missing", "none.gguf"),
        (lambda folder: settings(Path("nowhere")), "missing", "nowhere"),
        (_broken_template, "template", "broken.jinja"),
        (_broken_weights, "broken", ""),
        (_unknown_architecture, "architecture", "llama9"),
        (_figures_of_another_kind, "architecture", "hidden_size"),
        (_no_heads, "architecture", ""),
        (_too_large, "memory", ""),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
async def test_what_cannot_be_loaded_is_told_by_its_cause(tmp_path, prepare, problem, detail):
    with pytest.raises(ModelNotLoadedError) as caught:
        await TransformersEngine.load(prepare(tmp_path), 1)
    assert caught.value.problem == problem
    assert detail in caught.value.detail


async def test_quantised_loading_names_the_extra_that_is_missing(tiny_models):
    if importlib.util.find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is installed")
    with pytest.raises(ModelNotLoadedError) as caught:
        await TransformersEngine.load(settings(tiny_models("llama"), quantization="4bit"), 1, PLAN)
    assert (caught.value.problem, caught.value.detail) == ("extra", "quantized")


@pytest.mark.parametrize("family", UNBATCHED)
async def test_what_cannot_be_batched_answers_one_at_a_time(tiny_models, family, caplog):
    async with opened(tiny_models(family)) as engine:
        assert engine.slots == 1
        told = await asyncio.gather(*(said(engine) for _ in range(3)))
        assert {text for text, _end in told} == {library_says(engine)}
        seeded = GenerationOptions(max_tokens=24, temperature=1.5, top_p=1.0, seed=7)
        assert await said(engine, options=seeded) == await said(engine, options=seeded)
    assert "answers one at a time" in caplog.text


async def test_one_at_a_time_a_stop_ends_the_computing_within_one_token(tiny_models):
    async with opened(tiny_models("mamba")) as engine:
        with steps_of(engine) as steps:
            async with aclosing(engine.stream(QUESTION, replace(GREEDY, max_tokens=500))) as events:
                await anext(events)
                await anext(events)
                before = len(steps.read)
            assert len(steps.read) - before <= 2


async def test_one_at_a_time_failures_are_told_and_the_next_is_served(tiny_models):
    import torch

    async with opened(tiny_models("mamba")) as engine:
        alone = await said(engine)
        with steps_of(engine) as steps:
            steps.raising.append((1, torch.OutOfMemoryError("CUDA out of memory.")))
            with pytest.raises(EngineMemoryError):
                await said(engine)
            steps.raising.append((1, ValueError("a broken kernel")))
            with pytest.raises(EngineUnavailableError):
                await said(engine)
        assert await said(engine) == alone
        running = asyncio.create_task(said(engine, options=replace(GREEDY, max_tokens=900)))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(said(engine))
        await asyncio.sleep(0)
    told = await asyncio.gather(running, waiting, return_exceptions=True)
    assert {type(one) for one in told} <= {EngineUnavailableError, tuple}


def show(*, broken: bool) -> None:
    if broken:
        raise ConnectionError


async def ask_and_maybe_leave(queued: QueuedEngine, number: int, chance: Random) -> str:
    """One member's question; half of them stop, disconnect, or fail at showing the answer."""
    asker = Asker(ChannelRef(Platform.TERMINAL, str(number % 7)), str(number))
    options = GenerationOptions(max_tokens=chance.randrange(1, 20), temperature=0.0)
    leaving, read = chance.randrange(8), chance.randrange(6)
    events = queued.generate(questions(9)[number % 9], options, asker)
    try:
        async with aclosing(events), asyncio.timeout(0.01 if leaving == 0 else None):
            async for event in events:
                read -= 1
                if read < 0 and leaving == 1:
                    return "left"
                show(broken=read < 0 and leaving == 2)
                if isinstance(event, EngineFinished):
                    return "answered"
    except (TimeoutError, ConnectionError):
        return "broken"
    return "nothing"


async def crowd(queued: QueuedEngine, count: int, chance: Random) -> Counter[str]:
    """All of them at once; every ninth is cancelled from outside, at one time or another."""
    asked = [
        asyncio.create_task(ask_and_maybe_leave(queued, number, chance)) for number in range(count)
    ]
    for number in range(0, count, 9):
        asyncio.get_running_loop().call_later(number / 500, asked[number].cancel)
    await asyncio.wait(asked)
    await queued.settle()
    return Counter(task.result() for task in asked if not task.cancelled())


@pytest.mark.parametrize("count", [150, pytest.param(2000, marks=pytest.mark.soak)])
async def test_whoever_leaves_however_no_slot_and_no_request_is_left(engine, count):
    queued = QueuedEngine.of(
        engine, EngineSettings(max_waiting=count, max_waiting_per_channel=count)
    )
    before = asyncio.all_tasks()
    told = await crowd(queued, count // 2, Random(4))
    held = psutil.Process().memory_info().rss
    told += await crowd(queued, count - count // 2, Random(5))
    assert psutil.Process().memory_info().rss - held < 30_000_000
    assert told["answered"] > count // 4
    assert told["left"] + told["broken"] > count // 10
    assert told["nothing"] == 0
    assert queued.queue.load.busy == 0
    assert asyncio.all_tasks() - before == set()
    life = engine._batch._life
    assert not engine._batch._asks
    assert not life.leaving
    assert not life._manager.output_router.result_handlers
    assert not life._manager.batch_processor.scheduler.has_pending_requests()
    assert (await said(engine))[0]


def test_tokens_are_drawn_as_their_probabilities_say():
    import torch

    from core.engines.transformers_sampling import BatchSampling, Sampling

    odds = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    requests = [_Request(n) for n in range(4000)]
    sampling, storage = BatchSampling(always=False), torch.zeros(3, 4000, dtype=torch.int32)
    for top_p, wanted in ((1.0, [0.5, 0.3, 0.15, 0.05]), (0.7, [0.625, 0.375, 0.0, 0.0])):
        for request in requests:
            request.state.logit_processor_kwargs = Sampling(1.0, top_p, 11).keywords()
        arguments = sampling.prepare_tensor_args(requests, storage)
        scores = odds.repeat(4000, 1)
        drawn = sampling(torch.empty(0), scores, arguments).argmax(dim=-1)
        shares = [float((drawn == token).float().mean()) for token in range(4)]
        assert shares == pytest.approx(wanted, abs=0.03)


class _State:
    def __init__(self, position: int) -> None:
        self.position_offset = position
        self.logit_processor_kwargs: dict[str, float | int] = {}


class _Request:
    """As much of the library's record as sampling looks at."""

    has_new_token = True

    def __init__(self, position: int) -> None:
        self.state = _State(position)


def test_the_vocabulary_of_the_small_models_is_theirs(tiny_models):
    import json

    config = json.loads((tiny_models("llama") / "config.json").read_text())
    assert config["vocab_size"] == VOCABULARY
