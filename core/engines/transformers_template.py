"""From messages to the tokens of a prompt, by the model's chat template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from core.engines.base import ChatMessage
from core.engines.templates import read_template, stops_of, template_for
from core.errors import ModelNotLoadedError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE: Final = (
    ChatMessage("user", "Where?"),
    ChatMessage("assistant", "Here."),
    ChatMessage("user", "Why?"),
)
_SYSTEM: Final = ChatMessage("system", "Be brief.")
_THINKING: Final = ("<think>", "<thinking>")


class PromptTemplate:
    """A chat template and the tokenizer it writes for. Safe to use from one thread at a time.

    Where a template knows no system message, it goes before the first question.
    """

    def __init__(
        self,
        write: Callable[[list[dict[str, str]]], str],
        encode: Callable[[str], list[int]],
        *,
        has_system: bool,
        stops: tuple[str, ...] = (),
    ) -> None:
        self._write = write
        self._encode = encode
        self._has_system = has_system
        self.stops = stops
        """Texts that end an answer in this family, besides the tokens that do."""

    @classmethod
    def of(
        cls,
        name: str,
        tokenizer: PreTrainedTokenizerBase,
        wanted: str | None,
        hints: Sequence[str] = (),
    ) -> PromptTemplate:
        """The model's own template, or one that is wanted: a file, or the name of one of ours.

        A model that ships none gets its family's, told by its name and by `hints`. It is tried out.
        Raises `ModelNotLoadedError` where there is none or it does not work.
        """
        import jinja2

        if wanted is None and not tokenizer.chat_template:
            wanted = template_for(name, *hints)
        if wanted is not None:
            try:
                tokenizer.chat_template = read_template(wanted)
            except (OSError, UnicodeDecodeError) as error:
                raise ModelNotLoadedError(name, "template", wanted) from error
        if not tokenizer.chat_template:
            raise ModelNotLoadedError(name, "no_template", name)

        def write(messages: list[dict[str, str]]) -> str:
            return str(
                tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            )

        template = cls(write, _encoder(tokenizer), has_system=True)
        try:
            template.text(_PROBE)
        except (jinja2.TemplateError, TypeError) as error:
            raise ModelNotLoadedError(
                name, "template", f"{wanted or ''} {error}".strip()
            ) from error
        try:
            has_system = _SYSTEM.text in template.text((_SYSTEM, *_PROBE))
        except (jinja2.TemplateError, TypeError):
            has_system = False
        stops = stops_of(wanted)
        return cls(write, _encoder(tokenizer), has_system=has_system, stops=stops)

    def text(self, messages: Sequence[ChatMessage]) -> str:
        """The prompt as the model reads it, up to where its answer begins."""
        kept = list(messages) if self._has_system else _folded(messages)
        return self._write([{"role": one.role, "content": one.text} for one in kept])

    def prompt(self, messages: Sequence[ChatMessage]) -> tuple[list[int], str]:
        """The tokens, and the mark of a thought that the template has opened already, or ""."""
        text = self.text(messages)
        opened = text.rstrip()
        return self._encode(text), next((one for one in _THINKING if opened.endswith(one)), "")


def _encoder(tokenizer: PreTrainedTokenizerBase) -> Callable[[str], list[int]]:
    # The template writes the special tokens itself: the tokenizer must not add them again.
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        # Not through the tokenizer: it sets and unsets truncation at each call.
        return lambda text: list(backend.encode(text, add_special_tokens=False).ids)
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False))


def _folded(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """System messages before the first question, in the same message."""
    system = "\n\n".join(one.text for one in messages if one.role == "system")
    rest = [one for one in messages if one.role != "system"]
    if not system:
        return rest
    if rest and rest[0].role == "user":
        return [ChatMessage("user", f"{system}\n\n{rest[0].text}"), *rest[1:]]
    return [ChatMessage("user", system), *rest]
