import * as api from "./api.js";
import * as card from "./card.js";
import { $, cardName, createElement, formatAddress, formatMoney, formatTime, goSignIn, itemLine, renderTotals, showError, whileBusy } from "./page.js";
import { renderAfterSale } from "./after-sale.js";
import { statusText, tone } from "./status.js";

const number = $("order").dataset.number;
const placed = new URLSearchParams(location.search).has("placed");
let secret = null;
let paymentSource = null;
let acceptedTotal = null;

function renderMessage(order) {
  const sentences = {
    paid: placed ? "Thank you: your order is placed and paid." : "",
    processing: "Your payment is being confirmed. This page looks again by itself.",
    failed: `${order.payment_error || "The payment failed."} Your order is kept: pay it with another card.`,
    requires_action: "Your bank wants you to authenticate the payment.",
  };
  const sentence = sentences[order.payment_status] ?? "";
  $("said").textContent = sentence;
  $("said").className = `note ${tone(order)}`;
  $("said").hidden = !sentence || order.status === "canceled";
}

function documentLink(text, address) {
  return address ? createElement("span", {}, `${text} `, createElement("a", { href: address, download: "" }, "PDF")) : text;
}

function renderFacts(order) {
  const rows = [
    ["Status", statusText(order)],
    ["Ordered", formatTime(order.created)],
    ["Delivery to", order.address && formatAddress(order.address)],
    ["Delivery instructions", order.address && order.address.delivery_instructions],
    ["Card", order.source && cardName(order.source)],
    ["Invoice", order.invoice && documentLink(`${order.invoice.number}, ${order.invoice.status}`, order.invoice_pdf)],
    ...order.credit_notes.map((note) => ["Credit note", documentLink(`${note.number}, ${formatMoney(note.amount, note.currency)}`, note.pdf)]),
    ["Refunded", order.amount_refunded ? formatMoney(order.amount_refunded, order.currency) : ""],
  ];
  $("facts").replaceChildren(...rows.filter(([, value]) => value).flatMap(([name, value]) => [createElement("dt", {}, name), createElement("dd", {}, value)]));
}

function contents(order, quantities) {
  return order.items.filter(({ id }) => quantities[id]).map(({ id, product_sku_name: name }) => `${quantities[id]} x ${name}`).join(", ");
}

function parcelLine(order, parcel, at) {
  const numbers = parcel.tracking.flatMap(({ number: code, url }) => [" ", url ? createElement("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, code) : code]);
  const held = contents(order, Object.fromEntries(parcel.items.map(({ id, quantity }) => [id, quantity])));
  const title = createElement("strong", {}, order.fulfillments.length > 1 ? `Parcel ${at + 1}` : "Parcel");
  return createElement("li", {}, title, ` ${parcel.carrier}`, ...numbers, createElement("small", {}, [formatTime(parcel.created), held].filter(Boolean).join(": ")));
}

function renderParcels(order) {
  const isOnItsWay = order.fulfillments.length > 0;
  const left = Object.fromEntries(order.items.map((item) => [item.id, item.shippable ? item.quantity - item.fulfilled - item.canceled : 0]));
  const toCome = order.status === "paid" ? contents(order, left) : "";
  $("parcel-lines").replaceChildren(...order.fulfillments.map((parcel, at) => parcelLine(order, parcel, at)));
  $("to-come").textContent = toCome && `${isOnItsWay ? "Still to come" : "Not sent yet"}: ${toCome}`;
  $("parcels").hidden = !isOnItsWay && !toCome;
}

async function show(order) {
  secret = order.client_secret;
  renderMessage(order);
  renderFacts(order);
  renderParcels(order);
  $("lines").replaceChildren(...order.items.map(({ product_sku_name: name, quantity, amount }) => itemLine(name, quantity, amount, order.currency)));
  renderTotals($("sums"), { ...order, total: order.amount, coupon: order.coupon_code });
  $("order").hidden = false;
  renderAfterSale(order, reload);
  $("authenticate").hidden = order.payment_status !== "requires_action";
  const payable = order.status === "created" && order.payment_status === "failed";
  $("pay-again").hidden = !payable;
  if (payable && !paymentSource) paymentSource = await card.renderCardChoices((await api.customer()).sources);
  if (order.payment_status === "processing") setTimeout(reload, 3000);
}

const reload = async () => {
  try {
    await show(await api.order(number));
  } catch (error) {
    if (error.status === 401) goSignIn();
    else showError(error.message);
  }
};

async function authenticate() {
  const message = await card.authenticate(secret);
  await show(await api.confirmOrder(number));
  if (message && secret) showError(message);
}

$("authenticate").addEventListener("click", () => whileBusy($("authenticate"), authenticate));
$("pay-again").addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy($("pay-again").querySelector("button"), async () => {
    const source = await paymentSource();
    const total = acceptedTotal === null ? {} : { expected_total: acceptedTotal };
    acceptedTotal = null;
    try {
      await show(await api.payOrder(number, { ...source, ...total }));
    } catch (error) {
      if (error.code !== "price_changed") throw error;
      acceptedTotal = error.total;
      throw new Error(`${error.message} Press the button again to pay that.`);
    }
    if (secret) await authenticate();
  });
});

if (api.signedIn()) {
  await reload();
  // The bank's page opens here and not at the checkout, so that it opens again when this page is reloaded.
  if (placed && secret) whileBusy($("authenticate"), authenticate);
} else goSignIn();
