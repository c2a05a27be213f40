"""The console's pages: one module each, with one `build`.

How a page comes to be:

- `pages/NAME.py` has `def build(frame: Frame, parts: Parts) -> None`. It is called inside the
  page's own `Blocks.route`: lay components out, then tie them with `frame.on(...)`, and with
  `frame.opened(...)` what happens when the page is opened or reloaded.
- Labels come from `frame.label(N_("English sentence"))`, shown in the browser's language; the words
  of both languages stand in `core/locale/zh_CN/LC_MESSAGES/lorekeeper.po` as everywhere else.
  Sentences made on the server use `words_for(request)`.
- Whatever changes something is tied with `frame.on(..., changes=True)`: a viewer is refused on the
  server, whoever calls it; the handler takes `request: gr.Request` (its type resolvable at run
  time). `visitor_of(request)` says who it is. What only an operator can use carries
  `elem_classes=["changes"]`: viewers are not shown it.
- What a page works with is in `Parts` (parts.py): typed fields, added as a page needs them and
  filled in bot/serving_web.py; what lies above the adapters is declared there as a protocol.
- The page is listed in `PAGES` below: path, title in the navigation, `build`. Pages are deep links
  (`/knowledge`), each with only its own components, under the one header (console.js). A tab or
  accordion within a page is the page's own affair.
- HTML from the server goes through `markup.plain` and `markup.formatted`; styles in console.css.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.adapters.web.frame import Frame
from bot.adapters.web.pages import channels, chat, dashboard, knowledge, models, retrieval
from bot.adapters.web.parts import Parts
from core.language import N_


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the navigation."""

    path: str
    title: str
    """English, marked for the catalogues."""
    build: Callable[[Frame, Parts], None]


PAGES: Final[tuple[Page, ...]] = (
    Page("", N_("Chat"), chat.build),
    Page("knowledge", N_("Knowledge"), knowledge.build),
    Page("retrieval", N_("Retrieval test"), retrieval.build),
    Page("models", N_("Models"), models.build),
    Page("channels", N_("Channels"), channels.build),
    Page("dashboard", N_("Dashboard"), dashboard.build),
)
