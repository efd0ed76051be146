import * as api from "./api.js";
import { $, createElement, formatMoney, formatTime, goSignIn, showError, whileBusy } from "./page.js";
import { statusText, tone } from "./status.js";

let last = "";

const row = (order) =>
  createElement("li", {}, createElement("a", { className: "card order", href: `/shop/orders/${encodeURIComponent(order.number)}/` },
    createElement("b", {}, `Order ${order.number}`),
    createElement("span", {}, order.items.map(({ quantity, product_sku_name: name }) => `${quantity} × ${name}`).join("; ")),
    createElement("time", { dateTime: order.created }, formatTime(order.created)),
    createElement("span", { className: `badge ${tone(order)}` }, statusText(order)),
    createElement("b", { className: "amount" }, formatMoney(order.amount, order.currency))));

async function more() {
  const { data, meta } = await api.orders(last);
  $("orders").append(...data.map(row));
  last = meta.next || "";
  $("more").hidden = !meta.has_more;
  $("empty").hidden = $("orders").children.length > 0;
}

$("more").addEventListener("click", () => whileBusy($("more"), more));
if (!api.signedIn()) goSignIn();
else more().catch((error) => (error.status === 401 ? goSignIn() : showError(error.message)));
