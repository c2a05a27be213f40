"""Models of today's main architectures with random weights, small enough to be made in a test.

Nothing sensible comes out of them, but everything runs: configs, weights on disk, a byte-level BPE
trained on the samples, chat templates in the manner of each family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerFast

SAMPLES = Path(__file__).resolve().parents[2] / "knowledge_base" / "samples"
VOCABULARY = 640
WINDOW = 2048

CHATML = """{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
THINKING = CHATML.replace("<|im_start|>assistant\n{%", "<|im_start|>assistant\n<think>\n{%")
GLM = """[gMASK]<sop>{% for m in messages %}<|{{ m.role }}|>
{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>
{% endif %}"""
GEMMA = """<bos>{% if messages[0].role == "system" %}{{ raise_exception("no system role") }}\
{% endif %}
{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}
{{ m.content }}<end_of_turn>
{% endfor %}{% if add_generation_prompt %}<start_of_turn>model
{% endif %}"""
MISTRAL = """<s>{% for m in messages %}{% if m.role == 'assistant' %}{{ m.content }}</s>{% else %}\
[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}"""

MARKS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>",
    "<|assistant|>", "<bos>", "<start_of_turn>", "<end_of_turn>", "<s>", "</s>", "[INST]",
    "[/INST]",
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """An architecture: the names of its config and model, what is special in it, its template."""

    config: str
    options: Mapping[str, Any]
    template: str
    end: str
    has_attention: bool = True


_SHAPE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": WINDOW,
}
_RECURRENT = ("hidden_size", "num_hidden_layers", "vocab_size")
_SLIDING = {"sliding_window": 32, "layer_types": ["sliding_attention", "full_attention"]}
FAMILIES: Mapping[str, Family] = {
    "llama": Family("LlamaConfig", {}, CHATML, "<|im_end|>"),
    "qwen3": Family("Qwen3Config", {"head_dim": 16}, THINKING, "<|im_end|>"),
    "glm4": Family("Glm4Config", {"head_dim": 16, "pad_token_id": 0}, GLM, "<|user|>"),
    "gemma3": Family(
        "Gemma3TextConfig",
        {"head_dim": 16, "tie_word_embeddings": False, **_SLIDING},
        GEMMA,
        "<end_of_turn>",
    ),
    "mistral": Family("MistralConfig", {"sliding_window": 48}, MISTRAL, "</s>"),
}

UNBATCHED: Mapping[str, Family] = {
    "rwkv": Family("RwkvConfig", {"attention_hidden_size": 64}, CHATML, "<|im_end|>", False),
    "mamba": Family("MambaConfig", {}, CHATML, "<|im_end|>", False),
}
"""Those that the library answers one at a time."""


def tiny_tokenizer(template: str | None, end: str) -> PreTrainedTokenizerFast:
    """A byte-level BPE of English and Chinese, so that characters fall into several tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    texts = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("*.md"))]
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=list(MARKS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=end)
    tokenizer.add_special_tokens({"additional_special_tokens": list(MARKS)})
    tokenizer.chat_template = template
    return tokenizer


def tiny_config(family: Family, shape: Mapping[str, Any]) -> PretrainedConfig:
    import transformers

    config: Callable[..., PretrainedConfig] = getattr(transformers, family.config)
    common = _SHAPE if family.has_attention else {k: _SHAPE[k] for k in _RECURRENT}
    options = {**common, **family.options, **shape}
    return config(**options, bos_token_id=None, eos_token_id=None)


def write_tiny_model(
    folder: Path, family: str, *, template: bool = True, seed: int = 0, **shape: Any
) -> Path:
    """Write model and tokenizer into `folder` as a hub's snapshot has them."""
    import torch
    from transformers import AutoModelForCausalLM

    kind = {**FAMILIES, **UNBATCHED}[family]
    tokenizer = tiny_tokenizer(kind.template if template else None, kind.end)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(tiny_config(kind, shape))
        # Far apart, so that rounding never decides which token is the likeliest.
        for weights in model.parameters():
            if weights.dim() > 1:
                torch.nn.init.normal_(weights, std=0.2)
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(kind.end)
    model.generation_config.pad_token_id = 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def model_shelf(folder: Path) -> Callable[[str], Path]:
    """Gives the folder of a family's model; each is written once."""

    def path_of(family: str) -> Path:
        path = folder / family
        return path if path.is_dir() else write_tiny_model(path, family)

    return partial(path_of)
