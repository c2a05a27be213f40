// What a press on one of our buttons is for goes to the server as an event with its facts.
const labels = () => element.querySelector(".drop")?.dataset ?? {};
const say = (text) => {
  const line = element.querySelector(".sending");
  if (line) line.textContent = text;
};

const picked = () => [...element.querySelectorAll("[data-pick]:checked")].map((box) => box.value);
const tell = () => trigger("input", {names: picked()});

async function filesOf(entry, path) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [{file, name: [...path, entry.name].join(" - ")}];
  }
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) break;
    inside.push(...some);
  }
  const found = [];
  // A folder's own name is not part of its documents' names; those of folders within it are.
  const below = path === null ? [] : [...path, entry.name];
  for (const one of inside) found.push(...await filesOf(one, below));
  return found;
}

async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({file, name: file.name}));
  const found = [];
  for (const entry of entries) found.push(...await filesOf(entry, entry.isFile ? [] : null));
  return found;
}

function choose({folder, several, ready}) {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = several;
  input.webkitdirectory = folder;
  input.hidden = true;
  input.addEventListener("change", () => {
    const files = [...input.files].filter((file) => !file.name.startsWith("."));
    ready(files.map((file) => {
      const path = (file.webkitRelativePath || file.name).split("/");
      return {file, name: (path.length > 1 ? path.slice(1) : path).join(" - ")};
    }));
    input.remove();
  });
  element.append(input);
  input.click();
}

async function send(list, facts) {
  const words = {...labels()};
  const failed = [];
  let done = 0;
  const queue = [...list];
  const names = list.map((one) => one.file.name);
  window.dispatchEvent(new CustomEvent("lorekeeper-sending", {detail: names}));
  const one = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      try {
        const {path} = await upload(next.file);
        // Each as soon as it is there: what was sent is added also if the page is left now.
        trigger("upload", {...facts, files: {[path]: facts.as ?? next.name}});
      } catch {
        failed.push(next.name);
      }
      done += 1;
      say((words.sending ?? "").replace("{done}", done).replace("{count}", list.length));
    }
  };
  if (list.length) await Promise.all([one(), one(), one()]);
  if (failed.length) say((words.failed ?? "").replace("{names}", failed.join(", ")));
  else if (list.length) say(words.sent ?? "");
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  const {act, name, start} = button.dataset;
  const base = labels().base;
  if (act === "files" || act === "folder") {
    const folder = act === "folder";
    choose({folder, several: true, ready: (list) => send(list, {base})});
  } else if (act === "replace") {
    choose({folder: false, several: false, ready: (list) => send(list, {as: name})});
  } else {
    trigger("select", {act, name, start: Number(start ?? 0)});
  }
});
element.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) {
    for (const box of element.querySelectorAll("[data-pick]")) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-all], [data-pick]")) tell();
});
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  element.addEventListener(kind, (event) => {
    const zone = element.querySelector(".drop");
    if (!zone || !event.dataTransfer) return;
    event.preventDefault();
    zone.classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") {
      const base = labels().base;
      dropped(event.dataTransfer).then((list) => send(list, {base}));
    }
  });
}
