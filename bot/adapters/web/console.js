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

  // What everybody has to see: above the page, until it is closed.
  function tell(id, text, action) {
    if (document.getElementById(id)) return;
    const line = make("div", {id, class: "told", role: "alert"});
    line.append(make("span", {}, text), action);
    document.getElementById("top")?.after(line);
    return line;
  }

  function ended() {
    const onward = encodeURIComponent(location.pathname + location.search);
    const link = make("a", {href: `${base()}/login?next=${onward}`}, words.log_in_again);
    tell("ended", words.ended, link)?.querySelector("a").focus();
  }

  // Names of files on their way, so that a page that was left in between can say so.
  const SENDING = "lorekeeper-sending";
  const onTheirWay = () => JSON.parse(sessionStorage.getItem(SENDING) ?? "[]");
  const keep = (names) => sessionStorage.setItem(SENDING, JSON.stringify(names));
  const begun = (names) => keep([...onTheirWay(), ...names]);
  let leaving = false;
  const arrived = (names) => {
    const left = onTheirWay();
    for (const name of names) {
      const place = left.indexOf(name);
      if (place >= 0) left.splice(place, 1);
    }
    if (!leaving) keep(left);
  };
  addEventListener("pagehide", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });
  window.addEventListener("lorekeeper-sending", (event) => begun(event.detail));

  function brokenOff() {
    const names = onTheirWay();
    if (!names.length) return;
    const close = make("button", {type: "button"}, words.close);
    const text = words.broken_off.replace("{names}", () => names.join(", "));
    close.addEventListener("click", () => {
      keep([]);
      close.parentElement.remove();
    });
    tell("broken-off", text, close);
    keep([]);
  }

  const fetching = window.fetch.bind(window);
  window.fetch = async (...given) => {
    const url = new URL(given[0]?.url ?? given[0], location.href);
    const files = url.pathname.endsWith("/gradio_api/upload") && given[1]?.body instanceof FormData
      ? [...given[1].body.values()].filter((one) => one instanceof File).map((one) => one.name)
      : [];
    // The knowledge page has named its files, those too whose turn has not come.
    const isListed = location.pathname.endsWith("/knowledge");
    begun(files.filter((name) => !onTheirWay().includes(name)));
    let taken = false;
    try {
      const answer = await fetching(...given);
      taken = answer.ok;
      if (answer.status === 401 && url.origin === location.origin) ended();
      return answer;
    } finally {
      // On the chat page they are on their way until the page is told what became of them.
      if (files.length && (isListed || !taken)) arrived(files);
    }
  };
  let added = null;

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

  // Times are told where the browser is, whatever the server's clock shows.
  const two = (number) => String(number).padStart(2, "0");
  function told(element) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) return;
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    const minute = `${two(at.getHours())}:${two(at.getMinutes())}`;
    const isToday = at.toDateString() === new Date().toDateString();
    const {shows} = element.dataset;
    element.textContent =
      shows === "day" ? day : shows === "minute" ? `${day} ${minute}` : isToday ? minute : day;
    element.dataset.told = shows;
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
    document.querySelectorAll("time[data-shows]:not([data-told])").forEach(told);
    const source = opening && document.querySelector(`#sources #source-${opening}[open]`);
    if (source) {
      opening = null;
      source.scrollIntoView({block: "nearest", behavior: "smooth"});
      source.querySelector("summary").focus({preventScroll: true});
    }
    for (const id of ["status", "uploads", "sources", "said"]) {
      document.getElementById(id)?.setAttribute("aria-live", "polite");
    }
    const done = document.querySelector("#uploads [data-done]")?.dataset.done ?? null;
    if (done && done !== added) {
      added = done;
      arrived(onTheirWay());
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
    brokenOff();
    let waiting = false;
    new MutationObserver(() => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; changed(); });
    }).observe(document.body, {childList: true, subtree: true});
  });
})();
