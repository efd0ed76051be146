import * as api from "./api.js";
import * as basket from "./basket.js";
import * as card from "./card.js";
import { $, formatAddress, formatMoney, formBody, goSignIn, itemLine, renderChoices, renderTotals, selectedValue, showError, whileBusy } from "./page.js";

const form = $("checkout");
let summary = null;
let paymentSource = null;

function renderAddresses(saved) {
  const shipping = saved.filter(({ type }) => type === "shipping").map((each) => ({ value: String(each.id), text: formatAddress(each) }));
  renderChoices($("addresses"), "address", shipping, "A new address", () => ($("new-address").hidden = selectedValue("address") !== "new"));
}

async function deliveryAddress() {
  if (!summary.shippable) return {};
  if (selectedValue("address") !== "new") return { address_id: Number(selectedValue("address")) };
  const fields = [...$("new-address").querySelectorAll("input, select")];
  const invalid = fields.find((field) => !field.checkValidity());
  if (invalid) {
    invalid.focus();
    throw new Error(`${invalid.labels[0].firstChild.textContent.trim()}: ${invalid.validationMessage}`);
  }
  const { address, card: _card, ...body } = formBody(form);
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
    const body = { ...basket.toRequest(), ...(await deliveryAddress()), ...(summary.total ? await paymentSource() : {}) };
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
  $("lines").replaceChildren(...summary.items.map(({ name, quantity, amount }) => itemLine(name, quantity, amount, summary.currency)));
  renderTotals($("sums"), { ...summary, coupon: summary.coupon?.code });
  $("pay").textContent = summary.total ? `Pay ${formatMoney(summary.total, summary.currency)}` : "Order, nothing to pay";
  $("delivery").hidden = !summary.shippable;
  $("payment").hidden = !summary.total;
  for (const [name, value] of Object.entries({ first_name: customer.first_name, last_name: customer.last_name })) form.elements[name].value ||= value;
  renderAddresses(customer.addresses);
  if (summary.total) paymentSource = await card.renderCardChoices(customer.sources);
}

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
