import * as api from "./api.js";
import * as basket from "./basket.js";
import { $, announce, busy, money, problem, sums } from "./page.js";

let known = new Map();

/* Without a sign-in the prices of the list are all there is to say; discounts and totals are the server's to say. */
function estimate() {
  const lines = [...basket.quantities()].map(([id, quantity]) => ({ sku: known.get(id), quantity })).filter(({ sku }) => sku);
  const currencies = new Set(lines.map(({ sku }) => sku.currency));
  if (currencies.size !== 1) return $("sums").replaceChildren();
  const total = lines.reduce((sum, { sku, quantity }) => sum + sku.price * quantity, 0);
  sums($("sums"), { subtotal: total, discount: 0, shipping: 0, taxes: 0, total, currency: [...currencies][0] });
}

async function price() {
  problem("");
  if (!api.signedIn()) return estimate();
  try {
    const summary = await api.summary(basket.asked());
    sums($("sums"), { ...summary, coupon: summary.coupon?.code });
    announce(`Total ${money(summary.total, summary.currency)}`);
  } catch (error) {
    if (error.status === 401) return estimate();
    estimate();
    problem(error.message);
  }
}

function line(id, quantity) {
  const sku = known.get(id);
  const row = $("line").content.cloneNode(true).firstElementChild;
  const picture = sku?.image || sku?.product.image;
  const name = sku ? [sku.product.name, sku.name].filter(Boolean).join(", ") : "No longer on sale";
  if (picture) Object.assign(row.querySelector("img"), { src: picture, hidden: false });
  row.querySelector(".name").textContent = name;
  const input = row.querySelector("input");
  input.value = quantity;
  input.previousElementSibling.textContent = `Quantity of ${name}`;
  const amount = row.querySelector(".amount");
  const say = (wanted) => (amount.textContent = sku ? money(sku.price * wanted, sku.currency) : "");
  say(quantity);
  input.addEventListener("change", () => {
    const wanted = Math.min(999, Math.max(1, Math.round(Number(input.value)) || 1));
    input.value = wanted;
    basket.set(id, wanted);
    say(wanted);
    price();
  });
  row.querySelector(".remove").setAttribute("aria-label", `Remove ${name}`);
  row.querySelector(".remove").addEventListener("click", () => {
    basket.set(id, 0);
    announce(`${name}: removed`);
    show();
  });
  return row;
}

function show() {
  $("empty").hidden = !basket.isEmpty();
  $("filled").hidden = basket.isEmpty();
  if (basket.isEmpty()) return;
  $("lines").replaceChildren(...[...basket.quantities()].map(([id, quantity]) => line(id, quantity)));
  $("code").value = basket.coupon();
  price();
}

window.addEventListener("storage", (event) => event.key === basket.BASKET && show());
$("coupon").addEventListener("submit", (event) => {
  event.preventDefault();
  basket.useCoupon($("code").value.trim());
  busy(event.submitter ?? $("coupon").querySelector("button"), price);
  if (!api.signedIn() && basket.coupon()) problem("What the coupon takes off is shown once you are signed in.", "warn");
});
$("go").addEventListener("click", (event) => {
  if (api.signedIn()) return;
  event.preventDefault();
  location.assign("/shop/sign-in/?next=/shop/checkout/");
});

try {
  known = new Map((await api.products()).flatMap((product) => product.skus.map((sku) => [sku.id, { ...sku, product }])));
  show();
} catch (error) {
  $("filled").hidden = false;
  problem(error.message);
}
