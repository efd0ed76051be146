/* Keeps totals, addresses and cards up to date while the order is written. The server renders the form again; whatever
   is marked data-part is taken over where it changed. Parts with a data-version hold what people type or tick, and are
   taken over only when that version changes (another customer). */

const WAIT = 300;
const WAIT_FOR_CODE = 800;
const PRICED = /^(?:customer(?:_id)?|coupon_code|items-\d+-(?:sku|sku_id|quantity))$/;
const NUMBER = /^items-\d+-quantity$/;
const form = document.getElementById("new-order");
const rows = document.getElementById("rows");
const seen = new Map();
let timer = null;
let asked = 0;
let priced = state();

/* What the totals depend on. Leaving a field says "changed" a second time; nothing is asked for twice. */
function state() {
  const fields = [...new FormData(form)].filter(([name]) => PRICED.test(name));
  return JSON.stringify(fields);
}

function parts(within) {
  return [...within.querySelectorAll("[data-part]")];
}

function remember() {
  seen.clear();
  for (const part of parts(form)) seen.set(part.id, part.innerHTML);
}

function waiting(on) {
  document.getElementById("summary").setAttribute("aria-busy", String(on));
  document.getElementById("submit").disabled = on;
}

function take(part, fresh) {
  part.hidden = fresh.hidden;
  // Nobody is told that half a name is no name while still writing it.
  if (document.activeElement.matches(`[role=combobox][aria-describedby="${part.id}"]`)) return;
  const versioned = "version" in part.dataset;
  if (versioned ? part.dataset.version === fresh.dataset.version : seen.get(part.id) === fresh.innerHTML) return;
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  if (versioned) part.dataset.version = fresh.dataset.version;
  seen.set(part.id, fresh.innerHTML);
  part.innerHTML = fresh.innerHTML;
  if (focused) document.getElementById(focused)?.focus();
}

/* A text that names one row only was understood by the server: show what it understood. */
function takeNames(fresh) {
  for (const field of form.querySelectorAll("[data-combobox] input[type=hidden]")) {
    const understood = fresh.querySelector(`[id="${field.id}"]`);
    const text = field.parentElement.querySelector("input[type=text]");
    if ((field.value && text.value) || !understood?.value || text === document.activeElement) continue;
    field.value = understood.value;
    text.value = fresh.querySelector(`[id="${text.id}"]`).value;
  }
}

function takeOver(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("new-order");
  for (const part of parts(form)) {
    const newer = fresh.querySelector(`[id="${part.id}"]`);
    if (newer) take(part, newer);
  }
  takeNames(fresh);
  document.dispatchEvent(new Event("parts:swapped"));
}

function stale(on) {
  const said = document.getElementById("stale");
  said.textContent = on ? form.dataset.stale : "";
  said.hidden = !on;
}

async function refresh() {
  clearTimeout(timer);
  const asking = ++asked;
  priced = state();
  waiting(true);
  try {
    const answer = await fetch(form.dataset.refresh, { method: "POST", body: new FormData(form) });
    if (!answer.ok) throw new Error(answer.statusText);
    const html = await answer.text();
    if (asking !== asked) return;
    takeOver(html);
    stale(false);
  } catch {
    // The old totals stay, and stay right: the server compares them with its own before it charges.
    if (asking !== asked) return;
    priced = "";
    stale(true);
  }
  if (asking === asked) waiting(false);
}

function soon(wait = WAIT) {
  if (priced === state()) return;
  clearTimeout(timer);
  asked += 1;
  waiting(true);
  timer = setTimeout(refresh, wait);
}

function addRow() {
  const numbers = [...rows.children].map((row) => Number(row.dataset.row));
  const html = document.getElementById("row-template").innerHTML.replaceAll("NUMBER", String(Math.max(-1, ...numbers) + 1));
  rows.insertAdjacentHTML("beforeend", html);
  rows.dispatchEvent(new Event("rows:added", { bubbles: true }));
  rows.lastElementChild.querySelector("input[type=text]").focus();
}

function removeRow(number) {
  const row = rows.querySelector(`[data-row="${number}"]`);
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  if (next) next.querySelector("input[type=text]").focus();
  else addRow();
  soon();
}

async function pick(field, id) {
  const text = field.parentElement.querySelector("input[type=text]");
  field.value = id;
  text.value = "";
  await refresh();
  text.focus();
}

/* Every button but the one that charges does its work here instead of loading the page again. */
const buttons = {
  _update: refresh,
  _add: addRow,
  _remove: (value) => removeRow(value),
  _pick_customer: (value) => pick(form.elements.customer_id, value),
  _pick_sku: (value) => pick(form.elements[`items-${value.split("-")[0]}-sku_id`], value.split("-")[1]),
};

form.addEventListener("submit", (event) => {
  const act = buttons[event.submitter?.name];
  if (!act) return;
  event.preventDefault();
  act(event.submitter.value);
});
form.addEventListener("input", ({ target }) => {
  if (NUMBER.test(target.name)) soon();
  else if (target.name === "coupon_code") soon(WAIT_FOR_CODE);
});
form.addEventListener("change", ({ target }) => PRICED.test(target.name) && soon());
// Going back, the browser fills in what was typed: other totals than those of the empty page belong to that.
window.addEventListener("pageshow", () => soon());

// The page's key becomes part of its address, so that going back, reloading or duplicating the tab finds it again.
const address = new URL(window.location.href);
address.searchParams.set("key", form.elements.key.value);
window.history.replaceState(window.history.state, "", address);
document.getElementById("errors")?.focus();
remember();
