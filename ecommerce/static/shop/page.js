/* What all pages share: the header, messages, formatting. */

import * as api from "./api.js";
import * as basket from "./basket.js";

export const $ = (id) => document.getElementById(id);

const exponents = JSON.parse($("exponents").textContent);

/* Amounts are integers in the minor unit: USD 45.00, JPY 4,500, KWD 4.500. */
export function formatMoney(amount, currency) {
  const digits = exponents[currency] ?? 2;
  const text = Math.abs(amount / 10 ** digits).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${amount < 0 ? "−" : ""}${currency.toUpperCase()} ${text}`;
}

export const formatTime = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/* createElement("li", { className: "line" }, "text", child). */
export function createElement(name, attributes = {}, ...content) {
  const element = Object.assign(document.createElement(name), attributes);
  element.append(...content.filter((each) => each !== null));
  return element;
}

const BRANDS = { amex: "American Express", diners: "Diners Club", jcb: "JCB", unionpay: "UnionPay" };
const brand = (name) => BRANDS[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
export const cardName = (card) => `${brand(card.brand)} •••• ${card.last4}`;
export const cardNameWithExpiry = (card) => `${cardName(card)}, ${String(card.exp_month).padStart(2, "0")}/${card.exp_year}`;

/* An address on one line, in the order of its country. */
export const formatAddress = ({ lines }) => lines.join(", ");

/* One line of an order. */
export const itemLine = (name, quantity, amount, currency) =>
  createElement("li", { className: "line" }, createElement("span", { className: "name" }, `${quantity} × ${name}`), createElement("b", {}, formatMoney(amount, currency)));

/* Renders radio buttons: the saved ones, the first checked, and a new one. Calls `changed` now and at each change. */
export function renderChoices(list, name, saved, newText, changed) {
  list.replaceChildren(...[...saved, { value: "new", text: newText }].map(({ value, text }, place) =>
    createElement("label", { className: "check" }, createElement("input", { type: "radio", name, value, checked: place === 0 }), ` ${text}`)));
  list.hidden = saved.length === 0;
  list.onchange = changed;
  return changed();
}

export const selectedValue = (name) => document.querySelector(`input[name=${name}]:checked`)?.value;

export function showError(sentence, tone = "bad") {
  const place = $("problem");
  place.className = `note ${tone}`;
  place.textContent = sentence;
  place.hidden = !sentence;
  // An invalid field that has the focus stays in view.
  if (sentence && !document.activeElement.matches("input:invalid, select:invalid")) place.scrollIntoView({ block: "nearest" });
}

/* For screen readers. */
export const announce = (sentence) => ($("status").textContent = sentence);

export function goSignIn() {
  location.assign(`/shop/sign-in/?next=${encodeURIComponent(location.pathname)}`);
}

/* Runs the work of a button, once at a time, and shows its error. */
export async function whileBusy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  showError("");
  try {
    await work();
  } catch (error) {
    if (error.status === 401 && error.code === "unauthorized") return goSignIn();
    showError(error.message);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/* Each tax with its rate: "VAT 19 % (included)". One of 0 % says why it is not charged. */
function taxRow({ name, rate, amount, reason }, included) {
  const label = reason ? `${name}: ${reason}` : `${name} ${rate} %${included ? " (included)" : ""}`;
  return [label, amount, Boolean(reason)];
}

export function renderTotals(list, { subtotal, discount, shipping, shipping_name: method, taxes, tax_lines: lines, prices_include_tax: included, total, currency, coupon }) {
  const taxRows = lines ? lines.map((line) => taxRow(line, included)) : [["Tax", taxes, false]];
  const rows = [
    ["Subtotal", subtotal, true],
    [coupon ? `Discount (${coupon})` : "Discount", -discount, false],
    [method ? `Shipping (${method})` : "Shipping", shipping, Boolean(method)],
    ...taxRows,
  ];
  list.replaceChildren(
    ...rows.filter(([, amount, always]) => always || amount).flatMap(([name, amount]) => [createElement("dt", {}, name), createElement("dd", {}, formatMoney(amount, currency))]),
    createElement("dt", { className: "total" }, "Total"),
    createElement("dd", { className: "total" }, formatMoney(total, currency)),
  );
}

export const formBody = (form) => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value]));

function renderHeader() {
  const signedIn = api.signedIn();
  for (const element of document.querySelectorAll("[data-signed-in]")) element.hidden = !signedIn;
  for (const element of document.querySelectorAll("[data-signed-out]")) element.hidden = signedIn;
  $("basket-count").textContent = basket.count();
  $("basket-count").hidden = basket.isEmpty();
}

for (const event of ["tokens-changed", "basket"]) document.addEventListener(event, renderHeader);
window.addEventListener("storage", renderHeader);
$("sign-out").addEventListener("click", () => whileBusy($("sign-out"), async () => {
  await api.logout().catch(() => null);
  location.assign("/shop/");
}));
renderHeader();
