// What makes the pages nicer; they work without. Words come from <body data-…>.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
const on = document.addEventListener.bind(document);
const words = document.body.dataset;
const make = (tag, values, ...children) => {
  const made = Object.assign(document.createElement(tag), values);
  made.append(...children);
  return made;
};

// A dialog; `then` is called for an answer that has a value.
const answer = (name, value, kind) => make("button", { className: kind || "button", value }, name);
function show(title, body, answers, then) {
  const form = make("form", { method: "dialog", className: "form-actions" }, ...answers);
  const dialog = make("dialog", { className: "dialog", ariaLabel: title }, make("h2", {}, title), body, form);
  dialog.onclose = () => {
    dialog.remove();
    if (dialog.returnValue) then();
  };
  document.body.append(dialog);
  dialog.showModal();
}

// Forms ask first where they say so, and are sent once until there is an answer.
let agreed;
on("submit", (event) => {
  const { target: form, submitter } = event;
  const question = agreed !== form && (submitter?.dataset.confirm || form.dataset.confirm);
  if (question || "sent" in form.dataset) {
    event.preventDefault();
    event.stopImmediatePropagation();
  } else if (form.getAttribute("method") === "post") form.dataset.sent = "";
  if (!question) return;
  const yes = answer(submitter.textContent.trim(), "yes", submitter.className);
  show(question, "", [answer(words.cancel, ""), yes], () => {
    agreed = form;
    form.requestSubmit(submitter);
    agreed = null;
  });
}, true);
const wake = (form) => delete form.dataset.sent;

// Choosing many.
const boxes = (form, what) => [...form.elements].filter((item) => item.matches(`[type=checkbox]${what}`));
function count(form) {
  const found = boxes(form, "[name]:enabled");
  const chosen = found.filter((box) => box.checked).length;
  all("[data-chosen-count]", form).forEach((item) => { item.textContent = chosen; });
  all("[data-chosen]", form).forEach((button) => { button.disabled = !chosen; });
  boxes(form, "[data-choose-all]").forEach((box) => {
    box.checked = chosen && chosen === found.length;
    box.indeterminate = chosen && !box.checked;
  });
}
const countAll = () => all("form").forEach(count);
on("change", ({ target: { form, checked, dataset } }) => {
  if (!form) return;
  if ("chooseAll" in dataset) boxes(form, "[name]:enabled").forEach((box) => { box.checked = checked; });
  count(form);
});

// Review by keyboard.
const tiles = () => all("[data-keynav]");
const current = () => document.activeElement.closest("[data-keynav]");
const place = () => tiles().indexOf(current());
const moves = { j: 1, ArrowDown: 1, ArrowRight: 1, k: -1, ArrowUp: -1, ArrowLeft: -1 };
function go(item, preventScroll) {
  if (item?.tabIndex < 0) item.tabIndex = -1;
  item?.focus({ preventScroll });
}
const step = (by) => go(tiles()[place() + by]);
// To the next undecided picture, or to what says that there is none.
function advance() {
  const every = tiles();
  const open = (tile) => tile.querySelector("[data-key=a]") && !tile.querySelector("[data-sent]");
  go(every.slice(place()).find(open) || every.find(open) || byId("review-count"));
}
function help() {
  const keys = { j: words.next, k: words.previous };
  all("[data-keynav] [data-key]").forEach((item) => { keys[item.dataset.key] ??= item.textContent.trim(); });
  const rows = Object.entries(keys).map(([key, name]) => make("p", {}, make("kbd", {}, key), name));
  show(words.keys, make("div", { className: "keys" }, ...rows), [answer(words.close, "")]);
}
on("keydown", (event) => {
  const { key, target } = event;
  const typing = target.matches("input:not([type=checkbox]), textarea, select, dialog *");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !tiles()[0]) return;
  const action = all("[data-key]:enabled", current() || banner).find((item) => item.dataset.key === key);
  if (key === "?") help();
  else if (moves[key] && (current() || !key[1])) step(moves[key]);
  else if (action) {
    action.click();
    if (key !== "z") advance();
  } else return;
  event.preventDefault();
});

// Focus outlives what is replaced.
let lost;
["beforeSwap", "oobBeforeSwap"].forEach((name) => on(`htmx:${name}`, ({ detail }) => {
  const active = document.activeElement;
  if (active === document.body || !detail.target.contains(active)) return;
  lost = { id: active.closest("[id]")?.id, place: place() };
}));
on("htmx:afterSettle", ({ target }) => {
  countAll();
  if (lost && document.activeElement === document.body) {
    go(byId(lost.id) || tiles().slice(0, lost.place + 1).at(-1) || target, true);
  }
  lost = null;
});

// Live parts rest while unseen or in use.
on("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  const used = part.querySelector("input:checked, input:focus, select:focus, textarea:focus");
  if (part.matches("[data-live]") && (document.hidden || used)) event.preventDefault();
});
on("visibilitychange", () => {
  if (!document.hidden) all("[data-live]").forEach((source) => htmx.ajax("GET", source.getAttribute("hx-get"), { source }));
});

// Trouble is said quietly.
const banner = byId("banner");
let timer;
const say = ({ detail }) => {
  banner.textContent = detail.elt.matches("[data-live]") ? words.lost : words.refused;
  banner.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { banner.hidden = true; }, 1e4);
};
["sendError", "timeout", "responseError"].forEach((name) => on(`htmx:${name}`, say));
on("htmx:afterRequest", ({ detail }) => {
  wake(detail.elt);
  if (detail.successful && banner.textContent === words.lost) banner.hidden = true;
});

// The menu closes by itself.
const close = ({ target, key }) => all("[data-menu]").forEach((menu) => {
  if (key ? key === "Escape" : !menu.contains(target)) menu.open = false;
});
["click", "keydown"].forEach((name) => on(name, close));

addEventListener("pageshow", () => {
  all("form").forEach(wake);
  countAll();
});
