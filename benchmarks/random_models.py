"""Models of given shapes with random weights, made where they are to compute; nothing is loaded.

What is said makes no sense, but it takes as long as if it did.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.engines.base import ChatMessage
from core.engines.transformers import TransformersEngine
from core.engines.transformers_batch import Batch
from core.engines.transformers_life import BatchPlan
from core.engines.transformers_model import LoadedModel
from core.engines.transformers_template import PromptTemplate

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Shape:
    """The figures of a Llama."""

    hidden: int
    inner: int
    layers: int
    heads: int
    key_value_heads: int
    vocabulary: int
    tied: bool = False


SMALL = Shape(576, 1536, 30, 9, 3, 49_152, tied=True)
"""SmolLM2-135M."""
LARGE = Shape(4096, 14_336, 32, 32, 8, 128_256)
"""Llama-3-8B."""
TINY = Shape(64, 128, 2, 4, 2, 640)


def random_model(shape: Shape, device: str, dtype: torch.dtype) -> PreTrainedModel:
    """The weights are made on the device, so that nothing is held twice."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        vocab_size=shape.vocabulary,
        max_position_embeddings=8192,
        tie_word_embeddings=shape.tied,
        bos_token_id=None,
        eos_token_id=None,
    )
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            model: PreTrainedModel = LlamaForCausalLM(config).eval()
    finally:
        torch.set_default_dtype(before)
    return model


def byte_vocabulary(size: int) -> list[str]:
    """A word for every token, some of them Chinese."""
    return [f" 词{n}" if n % 3 == 0 else f" word{n}" for n in range(size)]


def loaded(model: PreTrainedModel, window: int) -> LoadedModel:
    """A model as the engine takes it; its prompts are written as numbers of tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    words = byte_vocabulary(int(model.config.vocab_size))
    vocabulary = {to_bytes.pre_tokenize_str(word)[0][0]: n for n, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=next(iter(vocabulary))))
    tokenizer.decoder = decoders.ByteLevel()
    template = PromptTemplate(
        lambda messages: messages[-1]["content"],
        lambda text: [int(number) for number in text.split()],
        has_system=True,
    )
    return LoadedModel(
        name="random",
        model=model,
        template=template,
        decode=lambda tokens: str(tokenizer.decode(tokens, skip_special_tokens=False)),
        context_window=window,
        ends=frozenset(),
        hidden=frozenset(),
        fallback=False,
    )


def prompts(count: int, tokens: int, vocabulary: int, seed: int) -> list[list[int]]:
    """Prompts that share no beginning."""
    numbers = random.Random(seed)  # noqa: S311 - nothing secret
    return [[numbers.randrange(10, vocabulary) for _ in range(tokens)] for _ in range(count)]


def messages(prompt: Sequence[int]) -> tuple[ChatMessage, ...]:
    """A prompt as the engine is given it."""
    return (ChatMessage("user", " ".join(map(str, prompt))),)


@asynccontextmanager
async def engine_of(
    model: PreTrainedModel, plan: BatchPlan, answer: int
) -> AsyncGenerator[TransformersEngine, None]:
    """The engine around a model that is there already."""
    held = loaded(model, plan.context_window)
    batch = Batch(held.name, model, plan, held.ends)
    await batch.start()
    engine = TransformersEngine(held, batch, answer)
    try:
        yield engine
    finally:
        await engine.aclose()


def library_batching(model: PreTrainedModel, plan: BatchPlan) -> Any:
    """The library's own manager, with the plan's sizes; to be started and stopped."""
    import transformers

    library: Any = transformers
    made: Any = model
    manager = made.init_continuous_batching(
        generation_config=library.GenerationConfig(do_sample=False, eos_token_id=-1),
        continuous_batching_config=library.ContinuousBatchingConfig(
            page_size=plan.page_tokens,
            num_blocks=plan.pages,
            max_batch_tokens=plan.step_tokens,
            max_requests_per_batch=plan.slots,
        ),
    )
    manager.warmup()
    return manager


def library_answers(manager: Any, asked: Sequence[list[int]], answer: int) -> None:
    """Blocks until all are answered, as the library's `generate_batch` does."""
    manager.add_requests(list(asked), max_new_tokens=answer)
    finished = 0
    while finished < len(asked):
        result = manager.get_result(timeout=60)
        assert result is not None
        assert result.error is None, result.error
        if result.is_finished():
            assert len(result.generated_tokens) == answer
            finished += 1
