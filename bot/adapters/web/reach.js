// What Gradio's own parts lack for who does not see them: names, and roles that hold what they may.
(() => {
  const SPOKEN = /^(?:range slider|number input) for /;
  const set = (element, name, value) => {
    if (value && element.getAttribute(name) !== value) element.setAttribute(name, value);
  };

  function mend() {
    for (const list of document.querySelectorAll("ul[role=listbox]:not([aria-label])")) {
      const input = document.querySelector(`[role=combobox][aria-controls="${CSS.escape(list.id)}"]`);
      set(list, "aria-label", input?.getAttribute("aria-label"));
    }
    for (const input of document.querySelectorAll("input[aria-label*=' for ']")) {
      set(input, "aria-label", input.getAttribute("aria-label").replace(SPOKEN, ""));
    }
    // A list may hold nothing but its items, and these are buttons.
    for (const examples of document.querySelectorAll(".examples[role=list]")) {
      examples.setAttribute("role", "group");
    }
    // A plot is one picture, by the name that stands above it.
    for (const plot of document.querySelectorAll(".vega-embed svg")) {
      const title = plot.closest(".block")?.querySelector("[data-testid=block-info]");
      set(plot, "role", "img");
      set(plot, "aria-label", title?.textContent.trim());
      for (const drawn of plot.children) set(drawn, "aria-hidden", "true");
    }
  }

  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      mend();
    });
  }).observe(document.documentElement, {childList: true, subtree: true});
})();
