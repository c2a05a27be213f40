"""What of a page is reached, seen and named by whoever uses neither mouse nor eyes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Page

_CONTROLS = (
    "button", "checkbox", "combobox", "link", "listbox", "menuitem", "option", "radio", "searchbox",
    "slider", "spinbutton", "switch", "tab", "textbox", "treeitem",
)  # fmt: skip
_MARKED = "data-walked"
_FIND = """mark => {
  const own = 'a[href], button, input:not([type=hidden]), select, textarea, summary, '
    + '[tabindex]:not([tabindex="-1"]), [contenteditable=true], [role=button], [role=slider]';
  const seen = element => element.checkVisibility({visibilityProperty: true})
    && element.getClientRects().length > 0 && !element.closest('[inert], [aria-hidden=true]')
    && !element.disabled;
  let number = 0;
  for (const element of document.querySelectorAll(own)) {
    if (!seen(element)) continue;
    // Of a row of tabs, or of buttons of one name, the arrows reach the others.
    const roving = element.closest('[role=tablist]') && element.getAttribute('tabindex') === '-1';
    if (!roving) element.setAttribute(mark, number++);
  }
  return number;
}"""
_HERE = """mark => {
  const here = document.activeElement;
  return here && here !== document.body ? here.getAttribute(mark) ?? '' : null;
}"""
_LOOK = """([mark, number]) => {
  let element = document.querySelector(`[${mark}="${number}"]`);
  const looks = [];
  for (let up = 0; element && up < 5; up++, element = element.parentElement) {
    const own = getComputedStyle(element);
    looks.push([own.outlineStyle, own.outlineWidth, own.outlineColor, own.boxShadow,
      own.borderColor, own.borderWidth, own.backgroundColor, own.textDecoration].join(' '));
  }
  return looks.join('|');
}"""
_TOLD = """([mark, number]) => {
  const element = document.querySelector(`[${mark}="${number}"]`);
  return element ? element.outerHTML.slice(0, 160) : '';
}"""


@dataclass(frozen=True)
class Walk:
    """A walk through a page by Tab alone."""

    controls: int
    missed: tuple[str, ...]
    """What is there and was never reached, as it stands in the page."""
    unseen: tuple[str, ...]
    """What looks the same whether or not it has the focus."""


async def walk(page: Page, most: int = 400) -> Walk:
    """Press Tab until every control had its turn, or one has it again."""
    count = await page.evaluate(_FIND, _MARKED)
    await page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges()")
    reached: dict[str, str] = {}
    for _ in range(most):
        # Behind the last one the page is left, and begins anew.
        await page.keyboard.press("Tab")
        here = await page.evaluate(_HERE, _MARKED)
        if here in reached:
            break
        if here:
            reached[here] = await page.evaluate(_LOOK, [_MARKED, here])
    await page.evaluate("document.activeElement.blur()")
    missed = [str(n) for n in range(count) if str(n) not in reached]
    unseen = [
        number
        for number, look in reached.items()
        if await page.evaluate(_LOOK, [_MARKED, number]) == look
    ]
    return Walk(
        count,
        tuple([await page.evaluate(_TOLD, [_MARKED, one]) for one in missed]),
        tuple([await page.evaluate(_TOLD, [_MARKED, one]) for one in unseen]),
    )


async def unnamed(page: Page) -> list[str]:
    """Controls that a screen reader would have no name for, by role and what is in them."""
    session = await page.context.new_cdp_session(page)
    try:
        tree = await session.send("Accessibility.getFullAXTree")
        found = []
        for node in tree["nodes"]:
            role = node.get("role", {}).get("value", "")
            name = node.get("name", {}).get("value", "")
            if node.get("ignored") or role not in _CONTROLS or str(name).strip():
                continue
            told = await session.send(
                "DOM.describeNode", {"backendNodeId": node["backendDOMNodeId"]}
            )
            own = told["node"]
            found.append(f"{role}: <{own['localName']} {' '.join(own.get('attributes', []))}>")
        return found
    finally:
        await session.detach()


async def faults(page: Page) -> list[str]:
    """What axe finds against WCAG 2.1, levels A and AA: the rule, then where."""
    from axe_playwright_python.async_playwright import Axe

    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    found = await Axe().run(page, options={"runOnly": rules})
    return [
        f"{broken['id']}: {node['html'][:200]}"
        for broken in found.response["violations"]
        for node in broken["nodes"]
    ]
