/* What all pages share: the header, sentences, money. */

import * as api from "./api.js";
import * as basket from "./basket.js";

export const $ = (id) => document.getElementById(id);

const exponents = JSON.parse($("exponents").textContent);

/* Amounts are integers in the minor unit: USD 45.00, JPY 4,500, KWD 4.500. */
export function money(amount, currency) {
  const digits = exponents[currency] ?? 2;
  const text = Math.abs(amount / 10 ** digits).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${amount < 0 ? "−" : ""}${currency.toUpperCase()} ${text}`;
}

export const moment = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/* Makes an element: make("li", { className: "line" }, "text", child). */
export function make(name, attributes = {}, ...content) {
  const element = Object.assign(document.createElement(name), attributes);
  element.append(...content.filter((each) => each !== null));
  return element;
}

const BRANDS = { amex: "American Express", diners: "Diners Club", jcb: "JCB", unionpay: "UnionPay" };
const brand = (name) => BRANDS[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
export const cardName = (card) => `${brand(card.brand)} •••• ${card.last4}`;
export const cardEnds = (card) => `${cardName(card)}, ${String(card.exp_month).padStart(2, "0")}/${card.exp_year}`;

const countries = new Intl.DisplayNames(["en"], { type: "region" });

/* An address on one line. */
export const written = ({ name, line1, line2, city, state, postal_code: code, country }) =>
  [name, line1, line2, city, state, code, countries.of(country)].filter(Boolean).join(", ");

/* One line of an order. */
export const item = (name, quantity, amount, currency) =>
  make("li", { className: "line" }, make("span", { className: "name" }, `${quantity} × ${name}`), make("b", {}, money(amount, currency)));

/* Offers what is saved, the first chosen, and something new; `changed` hears of each choice, the first included. */
export function choose(list, name, saved, anew, changed) {
  list.replaceChildren(...[...saved, { value: "new", text: anew }].map(({ value, text }, place) =>
    make("label", { className: "check" }, make("input", { type: "radio", name, value, checked: place === 0 }), ` ${text}`)));
  list.hidden = saved.length === 0;
  list.onchange = changed;
  return changed();
}

export const chosen = (name) => document.querySelector(`input[name=${name}]:checked`)?.value;

export function problem(sentence, tone = "bad") {
  const place = $("problem");
  place.className = `note ${tone}`;
  place.textContent = sentence;
  place.hidden = !sentence;
  // Whoever was led to the field that is wrong stays there.
  if (sentence && !document.activeElement.matches("input:invalid, select:invalid")) place.scrollIntoView({ block: "nearest" });
}

/* For those who do not see the page change. */
export const announce = (sentence) => ($("status").textContent = sentence);

export function goSignIn() {
  location.assign(`/shop/sign-in/?next=${encodeURIComponent(location.pathname)}`);
}

/* Runs what a button started, one at a time; what is refused is said. */
export async function busy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  problem("");
  try {
    await work();
  } catch (error) {
    if (error.status === 401 && error.code === "unauthorized") return goSignIn();
    problem(error.message);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

export function sums(list, { subtotal, discount, shipping, taxes, total, currency, coupon }) {
  const rows = [["Subtotal", subtotal], [coupon ? `Discount (${coupon})` : "Discount", -discount], ["Shipping", shipping], ["Tax", taxes]];
  const shown = rows.filter(([, amount], place) => place === 0 || amount);
  list.replaceChildren(
    ...shown.flatMap(([name, amount]) => [make("dt", {}, name), make("dd", {}, money(amount, currency))]),
    make("dt", { className: "total" }, "Total"),
    make("dd", { className: "total" }, money(total, currency)),
  );
}

export const formBody = (form) => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value]));

function header() {
  const known = api.signedIn();
  for (const element of document.querySelectorAll("[data-signed-in]")) element.hidden = !known;
  for (const element of document.querySelectorAll("[data-signed-out]")) element.hidden = known;
  $("basket-count").textContent = basket.count();
  $("basket-count").hidden = basket.isEmpty();
}

for (const event of ["signed", "basket"]) document.addEventListener(event, header);
window.addEventListener("storage", header);
$("sign-out").addEventListener("click", () => busy($("sign-out"), async () => {
  await api.logout().catch(() => null);
  location.assign("/shop/");
}));
header();
