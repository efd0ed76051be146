/* Keeps totals, addresses and cards up to date while the form is filled in. The server renders the form again; elements
   marked data-part are replaced where they changed. Parts with a data-version hold the user's input, and are replaced
   only when that version changes (another customer). */

const DEBOUNCE_MS = 300;
const TEXT_DEBOUNCE_MS = 800;
const PRICED_FIELD = new RegExp(
  "^(?:customer(?:_id)?|coupon_code|items-\\d+-(?:sku|sku_id|quantity|discount|discount_kind)|discount(?:_kind)?|currency" +
    "|custom-\\d+-(?:description|quantity|price|tax_category|shippable)" +
    "|address(?:-(?:country|state|postal_code|city))?|shipping_(?:rate|price))$",
);
const NUMBER_FIELD = /^(?:(?:items|custom)-\d+-(?:quantity|discount|price)|discount|shipping_price)$/;
// Refreshed while they are typed: a refresh that began on leaving the field would swallow the click on Submit.
const TEXT_FIELD = /^(?:coupon_code|address-(?:state|postal_code|city)|custom-\d+-description)$/;
const form = document.getElementById("new-order");
// The rows that a button adds, and what a new one looks like.
const lists = {
  _add: { rows: document.getElementById("rows"), template: document.getElementById("row-template") },
  _add_custom: { rows: document.getElementById("custom-rows"), template: document.getElementById("custom-template") },
};
const rendered = new Map();
let timer = null;
let latestRequest = 0;
let quotedState = pricedState();

/* What the totals depend on. Leaving a field fires "change" a second time; the same quote is not requested twice. */
function pricedState() {
  const fields = [...new FormData(form)].filter(([name]) => PRICED_FIELD.test(name));
  return JSON.stringify(fields);
}

function parts(within) {
  return [...within.querySelectorAll("[data-part]")];
}

function rememberRendered() {
  rendered.clear();
  for (const part of parts(form)) rendered.set(part.id, part.innerHTML);
}

function setBusy(on) {
  document.getElementById("summary").setAttribute("aria-busy", String(on));
  document.getElementById("submit").disabled = on;
}

function replacePart(part, fresh) {
  part.hidden = fresh.hidden;
  // No "no match" note below a name that is still being typed.
  if (document.activeElement.matches(`[role=combobox][aria-describedby="${part.id}"]`)) return;
  const versioned = "version" in part.dataset;
  if (versioned ? part.dataset.version === fresh.dataset.version : rendered.get(part.id) === fresh.innerHTML) return;
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  if (versioned) part.dataset.version = fresh.dataset.version;
  rendered.set(part.id, fresh.innerHTML);
  part.innerHTML = fresh.innerHTML;
  if (focused) document.getElementById(focused)?.focus();
}

/* The server resolves a text that names one object: show the resolved name. */
function fillResolvedNames(fresh) {
  for (const field of form.querySelectorAll("[data-combobox] input[type=hidden]")) {
    const resolved = fresh.querySelector(`[id="${field.id}"]`);
    const text = field.parentElement.querySelector("input[type=text]");
    if ((field.value && text.value) || !resolved?.value || text === document.activeElement) continue;
    field.value = resolved.value;
    text.value = fresh.querySelector(`[id="${text.id}"]`).value;
  }
}

function updateForm(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("new-order");
  for (const part of parts(form)) {
    const newer = fresh.querySelector(`[id="${part.id}"]`);
    if (newer) replacePart(part, newer);
  }
  fillResolvedNames(fresh);
  document.dispatchEvent(new Event("parts:swapped"));
}

function setStale(on) {
  const message = document.getElementById("stale");
  message.textContent = on ? form.dataset.stale : "";
  message.hidden = !on;
}

async function refresh() {
  clearTimeout(timer);
  const request = ++latestRequest;
  const sentState = pricedState();
  quotedState = sentState;
  setBusy(true);
  try {
    const response = await fetch(form.dataset.refresh, { method: "POST", body: new FormData(form) });
    if (!response.ok) throw new Error(response.statusText);
    const html = await response.text();
    if (request !== latestRequest) return;
    const isUntouched = pricedState() === sentState;
    updateForm(html);
    // The server chooses an address and a shipping method of its own accord: these are quoted already.
    if (isUntouched) quotedState = pricedState();
    setStale(false);
  } catch {
    // The old totals may stay: the server compares them with its own before it charges.
    if (request !== latestRequest) return;
    quotedState = "";
    setStale(true);
  }
  if (request === latestRequest) setBusy(false);
}

function scheduleRefresh(wait = DEBOUNCE_MS) {
  if (quotedState === pricedState()) return;
  clearTimeout(timer);
  latestRequest += 1;
  setBusy(true);
  timer = setTimeout(refresh, wait);
}

/* Said where it ends, not after the last line was typed. */
function showLimit() {
  const count = lists._add.rows.children.length + (lists._add_custom.rows?.children.length ?? 0);
  const isFull = count >= Number(form.elements._add.dataset.most);
  for (const name of Object.keys(lists)) if (form.elements[name]) form.elements[name].disabled = isFull;
  document.getElementById("line-limit").hidden = !isFull;
}

function addRow(name) {
  const { rows, template } = lists[name];
  const numbers = [...rows.children].map((row) => Number(row.dataset.row));
  const html = template.innerHTML.replaceAll("NUMBER", String(Math.max(-1, ...numbers) + 1));
  rows.insertAdjacentHTML("beforeend", html);
  rows.dispatchEvent(new Event("rows:added", { bubbles: true }));
  rows.lastElementChild.querySelector("input[type=text]").focus();
  showLimit();
}

function removeRow(name, number) {
  const { rows } = lists[name];
  const row = rows.querySelector(`[data-row="${number}"]`);
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  showLimit();
  if (next) next.querySelector("input[type=text]").focus();
  else if (name === "_add") addRow(name);
  else form.elements[name].focus();
  scheduleRefresh();
}

async function pick(field, id) {
  const text = field.parentElement.querySelector("input[type=text]");
  field.value = id;
  text.value = "";
  await refresh();
  text.focus();
}

/* Every button but the one that charges is handled here instead of reloading the page. */
const buttons = {
  _update: refresh,
  _add: () => addRow("_add"),
  _remove: (value) => removeRow("_add", value),
  _add_custom: () => addRow("_add_custom"),
  _remove_custom: (value) => removeRow("_add_custom", value),
  _pick_customer: (value) => pick(form.elements.customer_id, value),
  _pick_sku: (value) => pick(form.elements[`items-${value.split("-")[0]}-sku_id`], value.split("-")[1]),
};

form.addEventListener("submit", (event) => {
  const handle = buttons[event.submitter?.name];
  if (!handle) return;
  event.preventDefault();
  handle(event.submitter.value);
});
form.addEventListener("input", ({ target }) => {
  if (NUMBER_FIELD.test(target.name)) scheduleRefresh();
  else if (TEXT_FIELD.test(target.name)) scheduleRefresh(TEXT_DEBOUNCE_MS);
});
form.addEventListener("change", ({ target }) => PRICED_FIELD.test(target.name) && scheduleRefresh());
// Going back, the browser restores the input, which the rendered totals do not belong to.
window.addEventListener("pageshow", () => scheduleRefresh());

// The key becomes part of the URL, so that going back, reloading or duplicating the tab keeps it.
const address = new URL(window.location.href);
address.searchParams.set("key", form.elements.key.value);
window.history.replaceState(window.history.state, "", address);
document.getElementById("errors")?.focus();
rememberRendered();
