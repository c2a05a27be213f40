"""What a visitor did on a page, read with care: whoever sends requests writes what they like."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import gradio as gr

from bot.adapters.web.frame import visitor_of, words_for
from bot.adapters.web.requests import locale_of
from bot.adapters.web.visitors import Asker
from core.errors import UserError
from core.explain import explain
from core.language import words
from knowledge_base.errors import KnowledgeError

Update: TypeAlias = dict[object, object]


def opening() -> Callable[..., object]:
    """What happens when the page that is being built is opened."""
    blocks = gr.context.Context.root_block
    if blocks is None:
        raise RuntimeError
    return blocks.load


def asker_of(request: gr.Request) -> Asker:
    """Who does something."""
    return Asker(visitor_of(request), locale_of(request.headers))


def facts_of(event: gr.EventData) -> Mapping[str, object]:
    """What a press says that it is for."""
    found = event._data  # there is no other way to a component's own facts
    return found if isinstance(found, dict) else {}


def number_in(value: object) -> int:
    """A place in a list."""
    return max(0, value) if isinstance(value, int) else 0


def explained(function: Callable[..., Awaitable[Update]]) -> Callable[..., Awaitable[Update]]:
    """The same; what cannot be done is told in the visitor's words, and nothing else of it."""

    @functools.wraps(function)
    async def told(*values: object) -> Update:
        try:
            return await function(*values)
        except (KnowledgeError, UserError) as error:
            request = next((value for value in values if isinstance(value, gr.Request)), None)
            _ = words("en") if request is None else words_for(request)
            raise gr.Error(explain(error, _) or "", print_exception=False) from error

    return told
