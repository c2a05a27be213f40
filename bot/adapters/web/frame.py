"""What all pages of the console share: the header above them, labels, looks, who may change."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast

import gradio as gr
from gradio.blocks import Block
from gradio.i18n import I18nData

from bot.adapters.web.requests import locale_of
from bot.adapters.web.visitors import Visitor, visitor_in
from core.language import N_, Words, words

_HERE: Final = Path(__file__).parent
_CHINESE: Final = ("zh", "zh-CN", "zh-TW")
_NAVIGATION: Final = {
    "skip": N_("Skip to the content"),
    "pages": N_("Pages"),
    "dark": N_("Dark"),
    "light": N_("Light"),
    "log_out": N_("Log out"),
    "ended": N_("Your session has ended, and nothing was done."),
    "log_in_again": N_("Log in again"),
    "broken_off": N_(
        "Sending {names} was broken off when the page was left. What does not stand among the "
        "documents was not added: send it again."
    ),
    "close": N_("Close"),
    "operator": N_("operator"),
    "viewer": N_("viewer"),
}


@dataclass(slots=True)
class Frame:
    """Where pages tie behaviour to components, and get labels that the browser translates."""

    blocks: gr.Blocks
    _labels: dict[str, str] = field(default_factory=dict)

    def label(self, english: str) -> str:
        """A label in the browser's language; `english` is marked for the catalogues."""
        key = self._labels.setdefault(english, f"label{len(self._labels)}")
        # Gradio takes it wherever it shows text, also where its types know only `str`.
        return cast(str, I18nData(key))

    def translations(self) -> gr.I18n:
        """All labels that pages asked for; to be taken when every page is built."""

        def catalogue(tag: str) -> dict[str, str]:
            _ = words(tag)
            return {key: _(english) for english, key in self._labels.items()}

        chinese = catalogue("zh_CN")
        return gr.I18n(en=catalogue("en"), **dict.fromkeys(_CHINESE, chinese))

    def on(
        self,
        triggers: Sequence[Callable[..., object]],
        function: Callable[..., object],
        inputs: Sequence[Block] = (),
        outputs: Sequence[Block] = (),
        *,
        changes: bool = False,
        show_progress: Literal["full", "minimal", "hidden"] = "hidden",
    ) -> None:
        """Run `function` (asynchronous) when one of `triggers` happens.

        With `changes` it runs for operators alone, whoever asks for it, and takes the request.
        """
        gr.on(
            list(triggers),
            operators_only(function) if changes else function,
            list(inputs),
            list(outputs),
            # Without a limit of Gradio's own: the engine's fair queue decides who waits.
            concurrency_limit=None,
            show_progress=show_progress,
            api_visibility="private",
        )

    def opened(
        self,
        function: Callable[..., object],
        inputs: Sequence[Block] = (),
        outputs: Sequence[Block] = (),
    ) -> None:
        """Run `function` when this page is opened or reloaded."""
        self.on([self.blocks.load], function, inputs, outputs)

    def left(self, function: Callable[..., object]) -> None:
        """Run `function` when any page is closed; it takes the request."""
        self.blocks.unload(function)


def visitor_of(request: gr.Request) -> Visitor:
    """Who acts."""
    return visitor_in(request.request.scope if request.request is not None else {})


def words_for(request: gr.Request) -> Words:
    """Our sentences in the visitor's language."""
    return words(locale_of(request.headers))


def operators_only(function: Callable[..., object]) -> Callable[..., object]:
    """The same for operators; anybody else is told that it is not for them, and nothing is done."""

    def check(values: Sequence[object]) -> None:
        request = next((value for value in values if isinstance(value, gr.Request)), None)
        if request is None or not visitor_of(request).may_change:
            _ = words("en") if request is None else words_for(request)
            raise gr.Error(_("You may look, but not change anything here."), print_exception=False)

    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def checked_stream(*values: object) -> AsyncGenerator[object, None]:
            check(values)
            async with aclosing(function(*values)) as updates:
                async for update in updates:
                    yield update

        return checked_stream
    if not inspect.iscoroutinefunction(function):
        raise TypeError(function)

    @functools.wraps(function)
    async def checked(*values: object) -> object:
        check(values)
        return await function(*values)

    return checked


def theme() -> gr.themes.Base:
    """The system's own fonts: no page of ours asks a font service for any. Where the theme's texts
    stand out less than 4.5 to 1 (WCAG 1.4.3), a darker shade of the same colour."""
    soft = gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    return soft.set(
        background_fill_primary="*neutral_50",  # else it is lost: `set` begins from white
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        block_label_text_color="*primary_700",
        block_title_text_color="*primary_700",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        checkbox_label_background_fill_selected="*primary_600",
    )


def css() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(_HERE.glob("*.css")))


def head(pages: Sequence[tuple[str, str]]) -> str:
    """Looks, and the script that puts the navigation above every page.

    `pages`: path and English title. It stands in the page itself (heading.py): what Gradio is given
    comes only when its own scripts have run, and styles not as they are written.
    """

    def told(tag: str) -> dict[str, object]:
        _ = words(tag)
        # The page knows the names.
        labels: dict[str, object] = {
            key: _(text, names="{names}") for key, text in _NAVIGATION.items()
        }
        return {**labels, "titles": [[path, _(title)] for path, title in pages]}

    facts = json.dumps({"en": told("en"), "zh": told("zh_CN")}).replace("</", "<\\/")
    names = ("console.js", "reach.js")
    script = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)
    return f"<style>{css()}</style><script>\nconst LOREKEEPER = {facts};\n{script}</script>"
