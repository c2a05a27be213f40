(() => {
  const chinese = (navigator.languages?.[0] ?? navigator.language ?? "en").startsWith("zh");
  const words = LOREKEEPER[chinese ? "zh" : "en"];
  const root = document.documentElement;
  root.lang = chinese ? "zh-CN" : "en";

  const kept = () => localStorage.getItem("lorekeeper-theme");
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (kept() ? kept() === "dark" : systemDark.matches);
  const make = (tag, attributes, text) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
    if (text) element.textContent = text;
    return element;
  };

  // Where the console is mounted: Gradio says so in the page's base.
  const base = () => new URL(document.baseURI).pathname.replace(/\/$/, "");

  function header() {
    const root = base();
    const here = location.pathname.replace(/\/$/, "").slice(root.length).replace(/^\//, "");
    const top = make("header", {id: "top"});
    top.append(make("a", {class: "skip", href: "#content"}, words.skip));
    top.append(make("a", {class: "brand", href: root + "/"}, "Lorekeeper"));
    const nav = make("nav", {"aria-label": words.pages});
    for (const [path, title] of words.titles) {
      const link = make("a", {href: `${root}/${path}`}, title);
      if (path === here) {
        link.setAttribute("aria-current", "page");
        document.title = path ? `${title} · Lorekeeper` : "Lorekeeper";
      }
      nav.append(link);
    }
    const side = make("div", {class: "side"});
    const who = make("span", {class: "who", id: "who"});
    const theme = make("button", {type: "button", id: "theme"});
    const show = () => {
      document.body.classList.toggle("dark", isDark());
      theme.textContent = isDark() ? words.light : words.dark;
    };
    theme.addEventListener("click", () => {
      localStorage.setItem("lorekeeper-theme", isDark() ? "light" : "dark");
      show();
    });
    systemDark.addEventListener("change", show);
    // The page's own script sets the class by the system's choice when it starts.
    new MutationObserver(() => {
      if (document.body.classList.contains("dark") !== isDark()) show();
    }).observe(document.body, {attributes: true, attributeFilter: ["class"]});
    side.append(who, theme);
    top.append(nav, side);
    document.body.prepend(top);
    show();
    top.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault();
      document.querySelector("main, .gradio-container")
        ?.querySelector("textarea, input, button, select, a")?.focus();
    });
    return {side, who};
  }

  async function visitor({side, who}) {
    const answer = await fetch(`${base()}/visitor`);
    if (!answer.ok) return;
    const {name, role, logged_in} = await answer.json();
    root.dataset.role = role;
    if (!logged_in) return;
    who.textContent = `${name} · ${words[role]}`;
    const form = make("form", {method: "post", action: `${base()}/logout`});
    form.append(make("button", {id: "logout"}, words.log_out));
    side.append(form);
  }

  let opening = null;
  document.addEventListener("click", (event) => {
    const cite = event.target.closest?.('a[href*="#cite-"]');
    if (!cite) return;
    event.preventDefault();
    const [, answer] = cite.getAttribute("href").split("#cite-");
    opening = answer.slice(answer.lastIndexOf("-") + 1);
    window.dispatchEvent(new CustomEvent("lorekeeper-cite", {detail: answer}));
  }, true);

  function changed() {
    const source = opening && document.querySelector(`#sources #source-${opening}[open]`);
    if (source) {
      opening = null;
      source.scrollIntoView({block: "nearest", behavior: "smooth"});
      source.querySelector("summary").focus({preventScroll: true});
    }
    for (const id of ["status", "uploads", "sources", "said"]) {
      document.getElementById(id)?.setAttribute("aria-live", "polite");
    }
    const listed = document.querySelector("#conversations ul, #conversations p");
    if (listed && location.pathname.replace(/\/$/, "") === base()) {
      const current = document.querySelector("#conversations a[aria-current]");
      const wanted = current ? current.getAttribute("href") : "";
      if (location.search !== wanted) history.replaceState(history.state, "", base() + "/" + wanted);
    }
  }

  // Gradio runs this when the document stands; a plain page runs it before.
  const ready = (run) =>
    document.readyState === "loading" ? addEventListener("DOMContentLoaded", run) : run();
  ready(() => {
    visitor(header());
    let waiting = false;
    new MutationObserver(() => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; changed(); });
    }).observe(document.body, {childList: true, subtree: true});
  });
})();
