import * as api from "./api.js";
import { $, busy, goSignIn, make, moment, money, problem } from "./page.js";
import { tone, words } from "./status.js";

let last = "";

const row = (order) =>
  make("li", {}, make("a", { className: "card order", href: `/shop/orders/${encodeURIComponent(order.number)}/` },
    make("b", {}, `Order ${order.number}`),
    make("span", {}, order.items.map(({ quantity, product_sku_name: name }) => `${quantity} × ${name}`).join("; ")),
    make("time", { dateTime: order.created }, moment(order.created)),
    make("span", { className: `badge ${tone(order)}` }, words(order)),
    make("b", { className: "amount" }, money(order.amount, order.currency))));

async function more() {
  const { data, meta } = await api.orders(last);
  $("orders").append(...data.map(row));
  last = meta.next || "";
  $("more").hidden = !meta.has_more;
  $("empty").hidden = $("orders").children.length > 0;
}

$("more").addEventListener("click", () => busy($("more"), more));
if (!api.signedIn()) goSignIn();
else more().catch((error) => (error.status === 401 ? goSignIn() : problem(error.message)));
