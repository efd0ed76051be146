import * as api from "./api.js";
import * as basket from "./basket.js";
import * as card from "./card.js";
import { $, createElement, formatAddress, formatMoney, formBody, goSignIn, itemLine, renderChoices, renderTotals, selectedValue, showError, whileBusy } from "./page.js";

const form = $("checkout");
let summary = null;
let paymentSource = null;
let pricing = 0;

const addressFields = () => [...$("new-address").querySelectorAll("input, select")];

function renderAddresses(saved) {
  const shipping = saved.filter(({ type }) => type === "shipping").map((each) => ({ value: String(each.id), text: formatAddress(each) }));
  renderChoices($("addresses"), "address", shipping, "A new address", () => ($("new-address").hidden = selectedValue("address") !== "new"));
}

/* Where it goes, as far as that is known: shipping and taxes depend on it. */
function destination() {
  if (!summary?.shippable) return {};
  if (selectedValue("address") !== "new") return { address_id: Number(selectedValue("address")) };
  if (!addressFields().every((field) => field.checkValidity())) return {};
  return { address: Object.fromEntries(addressFields().map(({ name, value }) => [name, value])) };
}

function renderShipping() {
  const { shipping_options: options, shipping_rate_id: chosen, currency } = summary;
  $("shipping").hidden = options.length === 0;
  $("shipping-options").replaceChildren(...options.map(({ id, name, price, days }) => {
    const takes = days ? `, ${days[0] === days[1] ? days[0] : `${days[0]} to ${days[1]}`} days` : "";
    const input = createElement("input", { type: "radio", name: "shipping_rate", value: id, checked: id === chosen });
    return createElement("label", { className: "check" }, input, ` ${name}${takes}: ${price ? formatMoney(price, currency) : "free"}`);
  }));
}

function renderSummary() {
  const { items, currency, total, shipping_options: options, shipping_rate_id: chosen } = summary;
  $("lines").replaceChildren(...items.map(({ name, quantity, amount }) => itemLine(name, quantity, amount, currency)));
  const method = options.find(({ id }) => id === chosen)?.name;
  renderTotals($("sums"), { ...summary, coupon: summary.coupon?.code, shipping_name: method });
  $("pay").textContent = total ? `Pay ${formatMoney(total, currency)}` : "Order, nothing to pay";
  $("delivery").hidden = !summary.shippable;
  $("payment").hidden = !total;
  renderShipping();
}

/* Prices the basket for where it goes. The answer to the latest question counts, whichever comes last. */
async function price({ keepMethod = false } = {}) {
  const question = ++pricing;
  const method = keepMethod && selectedValue("shipping_rate");
  const answer = await api.summary({ ...basket.toRequest(), ...destination(), ...(method ? { shipping_rate_id: Number(method) } : {}) });
  if (question !== pricing) return;
  summary = answer;
  renderSummary();
}

async function priceAgain(options) {
  showError("");
  try {
    await price(options);
  } catch (error) {
    showError(error.message);
  }
}

async function deliveryAddress() {
  if (!summary.shippable) return {};
  if (selectedValue("address") !== "new") return { address_id: Number(selectedValue("address")) };
  const fields = addressFields();
  const invalid = fields.find((field) => !field.checkValidity());
  if (invalid) {
    invalid.focus();
    throw new Error(`${invalid.labels[0].firstChild.textContent.trim()}: ${invalid.validationMessage}`);
  }
  const { address, card: _card, shipping_rate: _rate, ...body } = formBody(form);
  const saved = (await api.addAddress({ type: "shipping", ...body })).addresses;
  renderAddresses(saved);
  const newest = saved.reduce((newest, each) => (each.id > newest.id ? each : newest));
  document.querySelector(`input[name=address][value="${newest.id}"]`).checked = true;
  $("new-address").hidden = true;
  return { address_id: newest.id };
}

/* Any response settles whether there is an order. Without one the pending order stays stored, to be sent again. */
async function send({ key, body }) {
  try {
    const order = await api.createOrder(body, key);
    basket.clearPendingOrder();
    basket.clear();
    location.assign(`/shop/orders/${encodeURIComponent(order.number)}/?placed`);
  } catch (error) {
    if (!(error instanceof api.NoResponseError)) basket.clearPendingOrder();
    $("back").hidden = error.status !== 409;
    throw error;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy($("pay"), async () => {
    const pending = basket.pendingOrder(api.customerId());
    if (pending) return send(pending);
    const shown = summary.total;
    const place = await deliveryAddress();
    await price({ keepMethod: true });
    if (summary.total !== shown) throw new Error(`The total is ${formatMoney(summary.total, summary.currency)} now. Press the button again to order.`);
    const terms = { expected_total: summary.total, ...(summary.shipping_rate_id ? { shipping_rate_id: summary.shipping_rate_id } : {}) };
    const body = { ...basket.toRequest(), ...place, ...terms, ...(summary.total ? await paymentSource() : {}) };
    await send(basket.storePendingOrder(body, api.customerId()));
  });
});

async function show() {
  if (!api.signedIn()) return goSignIn();
  const pending = basket.pendingOrder(api.customerId());
  if (pending) $("unsure").hidden = false;
  if (basket.isEmpty() && !pending) return location.replace("/shop/basket/");
  form.hidden = false;
  if (pending) {
    try {
      return await send(pending);
    } catch (error) {
      showError(error.message);
      if (error instanceof api.NoResponseError) return;
      $("unsure").hidden = true;
    }
  }
  const [priced, customer] = await Promise.all([api.summary(basket.toRequest()), api.customer()]);
  summary = priced;
  for (const [name, value] of Object.entries({ first_name: customer.first_name, last_name: customer.last_name })) form.elements[name].value ||= value;
  renderAddresses(customer.addresses);
  renderSummary();
  if (summary.shippable) await priceAgain();
  paymentSource = await card.renderCardChoices(customer.sources);
}

$("delivery").addEventListener("change", () => priceAgain());
$("shipping").addEventListener("change", () => priceAgain({ keepMethod: true }));

/* The basket was ordered or changed in another tab, or the browser restored this page from its history. */
window.addEventListener("storage", (event) => {
  if (event.key === basket.BASKET && !$("pay").hasAttribute("aria-busy")) location.reload();
});
window.addEventListener("pageshow", (event) => event.persisted && location.reload());

try {
  await show();
} catch (error) {
  if (error.status === 401) goSignIn();
  else showError(error.message);
  $("back").hidden = !error.code;
  $("pay").hidden = true;
}
