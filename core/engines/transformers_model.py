"""Loading a model for the `transformers` engine: from a folder, a .gguf file or a hub."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from core.engines.transformers_progress import LoadProgress, told
from core.engines.transformers_template import PromptTemplate
from core.errors import ModelNotLoadedError
from core.settings import EngineSettings

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_log = logging.getLogger(__name__)

_Library: TypeAlias = Any  # what the library leaves half typed; never leaves this module

_NEEDED: Final = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "tokenizer*"]
_TURN_ENDS: Final = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|user|>", "<|endoftext|>")
"""Tokens that end an answer in templates whose models do not all list them."""
_WORDS: Final = 400
"""Of what a library says about a failure, so much is passed on."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model on its device, with all that is needed to ask it something."""

    name: str
    model: PreTrainedModel
    template: PromptTemplate
    decode: Callable[[list[int]], str]
    context_window: int
    ends: frozenset[int]
    """Tokens that end an answer."""
    hidden: frozenset[int]
    """Tokens that are no text."""
    fallback: bool
    """True where a card was wanted and there is none: it runs on the CPU."""

    @property
    def on_card(self) -> bool:
        return bool(self.model.device.type == "cuda")

    @property
    def token_bytes(self) -> int:
        """Bytes that the cache of one token takes in all layers."""
        config: _Library = self.model.config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        width = (
            getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        )
        return int(2 * config.num_hidden_layers * heads * width * self.model.dtype.itemsize)

    @property
    def free_bytes(self) -> int:
        """What is free on its card."""
        import torch

        return int(torch.cuda.mem_get_info(self.model.device)[0])


def name_of(model: str) -> str:
    """What a model is called in commands: the last part of its path or id."""
    return Path(model).stem if model.endswith(".gguf") else model.rstrip("/").rpartition("/")[2]


def load_model(settings: EngineSettings, threads: int, progress: LoadProgress) -> LoadedModel:
    """Blocks for as long as reading the model takes. Raises `ModelNotLoadedError`."""
    wanted = settings.model or ""
    name = settings.name or name_of(wanted) or "transformers"
    _check_packages(name, settings)
    import torch
    import transformers

    library: _Library = transformers
    _quiet()
    device = _device(settings)
    if device == "cpu":
        torch.set_num_threads(threads)
    elif settings.memory_share is not None:
        torch.cuda.set_per_process_memory_fraction(settings.memory_share)
    with _explained(name), told(progress):
        folder, file = _source(wanted, name, progress)
        tokenizer = library.AutoTokenizer.from_pretrained(
            folder, gguf_file=file, trust_remote_code=False, local_files_only=True
        )
        how = {
            "gguf_file": file,
            "trust_remote_code": False,
            "local_files_only": True,
            "dtype": _dtype(settings, device),
            "device_map": {"": device},
            "quantization_config": _quantization(settings, device),
        }
        read = library.AutoModelForCausalLM.from_pretrained
        try:
            model = read(folder, **how, attn_implementation="sdpa")
        except ValueError as error:
            if "attn_implementation" not in str(error):
                raise
            model = read(folder, **how)  # RWKV, Mamba: there is no attention in it
    hints = (wanted, str(model.config.model_type))
    template = PromptTemplate.of(name, tokenizer, settings.chat_template, hints)
    ends = _ends(model, tokenizer)
    return LoadedModel(
        name=name,
        model=model.eval(),
        template=template,
        decode=_decoder(tokenizer),
        context_window=_trained(model),
        ends=ends,
        hidden=ends | _marks(tokenizer),
        fallback=device == "cpu" and settings.device != "cpu",
    )


def _check_packages(name: str, settings: EngineSettings) -> None:
    needed = {"torch": "local", "transformers": "local", "accelerate": "local"}
    if settings.quantization != "none":
        needed["bitsandbytes"] = "quantized"
    if (settings.model or "").endswith(".gguf"):
        needed["gguf"] = "local"
    for package, extra in needed.items():
        if importlib.util.find_spec(package) is None:
            raise ModelNotLoadedError(name, "extra", extra)


def _quiet() -> None:
    """What the library has to say goes into our log, and into no progress bar."""
    from transformers.generation.continuous_batching.utils import logger as batching
    from transformers.utils import logging as said

    library_logging: _Library = said
    library_logging.disable_default_handler()
    library_logging.enable_propagation()
    library_logging.disable_progress_bar()
    # This part of it brings a handler of its own and tells every size it settles on.
    batching.handlers.clear()
    if batching.level == logging.NOTSET:
        batching.setLevel(logging.WARNING)
    batching.propagate = True


def _device(settings: EngineSettings) -> str:
    import torch

    return "cuda" if settings.device != "cpu" and torch.cuda.is_available() else "cpu"


def _dtype(settings: EngineSettings, device: str) -> torch.dtype:
    import torch

    if settings.dtype != "auto":
        return {
            "bfloat16": torch.bfloat16,
            "float16": torch.float16,
            "float32": torch.float32,
        }[settings.dtype]
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    # Without instructions for it, a CPU computes in bfloat16 slower than in float32.
    known = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if known else torch.float32


def _quantization(settings: EngineSettings, device: str) -> _Library:
    if settings.quantization == "none":
        return None
    import torch
    import transformers

    library: _Library = transformers
    if settings.quantization == "8bit":
        # It says of every layer at every step that it computes in float16.
        logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
        return library.BitsAndBytesConfig(load_in_8bit=True)
    return library.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if device == "cpu" else _dtype(settings, device),
    )


def _source(wanted: str, name: str, progress: LoadProgress) -> tuple[str, str | None]:
    """The folder with the files, and the file in it where it is one of GGUF."""
    path = Path(wanted).expanduser()
    if wanted.endswith(".gguf"):
        if not path.is_file():
            raise ModelNotLoadedError(name, "missing", wanted)
        return str(path.parent), path.name
    if path.is_dir():
        return str(path), None
    if wanted.startswith((".", "/", "~")) or wanted.count("/") != 1:
        raise ModelNotLoadedError(name, "missing", wanted)
    return _from_hub(wanted, name, progress), None


def _from_hub(wanted: str, name: str, progress: LoadProgress) -> str:
    """The folder of the files of a hub's model, downloaded where they are not there yet."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return str(snapshot_download(wanted, allow_patterns=_NEEDED, local_files_only=True))
    except LocalEntryNotFoundError:
        progress("download", 0.0)
    try:
        return str(snapshot_download(wanted, allow_patterns=_NEEDED))
    except (OSError, ValueError) as error:
        # Not found, not allowed, no way to the hub: the library's errors are all of these.
        raise ModelNotLoadedError(name, "missing", _said(error)) from error


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """The errors that the libraries raise over a model's files, as ours."""
    import torch
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    # An architecture that the library does not know, or knows only with code of its own; and
    # configurations that are none.
    unknown = (
        ValueError, LookupError, AttributeError, TypeError, ArithmeticError, StrictDataclassError
    )  # fmt: skip
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelNotLoadedError(name, "memory", _said(error)) from error
    except ImportError as error:
        raise ModelNotLoadedError(name, "extra", "local") from error
    except unknown as error:
        raise ModelNotLoadedError(name, "architecture", _said(error)) from error
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelNotLoadedError(name, "broken", _said(error)) from error


def _said(error: Exception) -> str:
    """The beginning of what a library said, in one line."""
    return " ".join(str(error).split())[:_WORDS] or type(error).__name__


def _trained(model: PreTrainedModel) -> int:
    """Tokens that the model was trained to read at once."""
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", 0) or 1 << 30)


def _ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    own = getattr(model.generation_config, "eos_token_id", None)
    known = tokenizer.get_vocab()
    listed = [*(own if isinstance(own, list) else [own]), tokenizer.eos_token_id]
    listed += [known[mark] for mark in _TURN_ENDS if mark in known]
    return frozenset(int(token) for token in listed if token is not None and token >= 0)


def _marks(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Special tokens, but not those around what a model thinks: these are filtered as text."""
    special = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    return frozenset(token for token, text in special if "think" not in text)


def _decoder(tokenizer: PreTrainedTokenizerBase) -> Callable[[list[int]], str]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return lambda tokens: str(backend.decode(tokens, skip_special_tokens=False))
    return lambda tokens: str(tokenizer.decode(tokens, skip_special_tokens=False))
