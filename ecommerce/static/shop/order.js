import * as api from "./api.js";
import * as card from "./card.js";
import { $, busy, cardName, goSignIn, item, make, moment, money, problem, sums, written } from "./page.js";
import { tone, words } from "./status.js";

const number = $("order").dataset.number;
const placed = new URLSearchParams(location.search).has("placed");
let secret = null;
let means = null;

function say(order) {
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

function facts(order) {
  const sent = order.fulfillment && [order.fulfillment.carrier, order.fulfillment.tracking_number].filter(Boolean).join(" ");
  const known = [
    ["Status", words(order)],
    ["Ordered", moment(order.created)],
    ["Delivery to", order.address && written(order.address)],
    ["Sent with", sent],
    ["Card", order.source && cardName(order.source)],
    ["Invoice", order.invoice && `${order.invoice.number}, ${order.invoice.status}`],
    ["Refunded", order.amount_refunded ? money(order.amount_refunded, order.currency) : ""],
  ];
  $("facts").replaceChildren(...known.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

async function show(order) {
  secret = order.client_secret;
  say(order);
  facts(order);
  $("lines").replaceChildren(...order.items.map(({ product_sku_name: name, quantity, amount }) => item(name, quantity, amount, order.currency)));
  sums($("sums"), { ...order, total: order.amount, coupon: order.coupon_code });
  $("order").hidden = false;
  $("authenticate").hidden = order.payment_status !== "requires_action";
  const payable = order.status === "created" && order.payment_status === "failed";
  $("pay-again").hidden = !payable;
  if (payable && !means) means = await card.offer((await api.customer()).sources);
  if (order.payment_status === "processing") setTimeout(look, 3000);
}

const look = async () => {
  try {
    await show(await api.order(number));
  } catch (error) {
    if (error.status === 401) goSignIn();
    else problem(error.message);
  }
};

async function authenticate() {
  const wrong = await card.authenticate(secret);
  await show(await api.confirmOrder(number));
  if (wrong && secret) problem(wrong);
}

$("authenticate").addEventListener("click", () => busy($("authenticate"), authenticate));
$("pay-again").addEventListener("submit", (event) => {
  event.preventDefault();
  busy($("pay-again").querySelector("button"), async () => {
    await show(await api.payOrder(number, await means()));
    if (secret) await authenticate();
  });
});

if (api.signedIn()) {
  await look();
  // The bank's page opens here and not at the checkout, so that it opens again where this page is loaded again.
  if (placed && secret) busy($("authenticate"), authenticate);
} else goSignIn();
