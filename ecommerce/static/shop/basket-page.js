import * as api from "./api.js";
import * as basket from "./basket.js";
import { $, announce, formatMoney, renderTotals, showError, whileBusy } from "./page.js";

let skus = new Map();

/* Without a sign-in only list prices are known; discounts and totals come from the server. */
function estimate() {
  const lines = [...basket.quantities()].map(([id, quantity]) => ({ sku: skus.get(id), quantity })).filter(({ sku }) => sku);
  const currencies = new Set(lines.map(({ sku }) => sku.currency));
  if (currencies.size !== 1) return $("sums").replaceChildren();
  const total = lines.reduce((sum, { sku, quantity }) => sum + sku.price * quantity, 0);
  renderTotals($("sums"), { subtotal: total, discount: 0, shipping: 0, taxes: 0, total, currency: [...currencies][0] });
}

async function renderPrice() {
  showError("");
  if (!api.signedIn()) return estimate();
  try {
    const summary = await api.summary(basket.toRequest());
    renderTotals($("sums"), { ...summary, coupon: summary.coupon?.code });
    announce(`Total ${formatMoney(summary.total, summary.currency)}`);
  } catch (error) {
    if (error.status === 401) return estimate();
    estimate();
    showError(error.message);
  }
}

function line(id, quantity) {
  const sku = skus.get(id);
  const row = $("line").content.cloneNode(true).firstElementChild;
  const picture = sku?.image || sku?.product.image;
  const name = sku ? [sku.product.name, sku.name].filter(Boolean).join(", ") : "No longer on sale";
  if (picture) Object.assign(row.querySelector("img"), { src: picture, hidden: false });
  row.querySelector(".name").textContent = name;
  const input = row.querySelector("input");
  input.value = quantity;
  input.previousElementSibling.textContent = `Quantity of ${name}`;
  const amount = row.querySelector(".amount");
  const showAmount = (count) => (amount.textContent = sku ? formatMoney(sku.price * count, sku.currency) : "");
  showAmount(quantity);
  input.addEventListener("change", () => {
    const count = Math.min(9999, Math.max(1, Math.round(Number(input.value)) || 1));
    input.value = count;
    basket.set(id, count);
    showAmount(count);
    renderPrice();
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
  renderPrice();
}

window.addEventListener("storage", (event) => event.key === basket.BASKET && show());
$("coupon").addEventListener("submit", (event) => {
  event.preventDefault();
  basket.useCoupon($("code").value.trim());
  whileBusy(event.submitter ?? $("coupon").querySelector("button"), renderPrice);
  if (!api.signedIn() && basket.coupon()) showError("What the coupon takes off is shown once you are signed in.", "warn");
});
$("go").addEventListener("click", (event) => {
  if (api.signedIn()) return;
  event.preventDefault();
  location.assign("/shop/sign-in/?next=/shop/checkout/");
});

try {
  skus = new Map((await api.products()).flatMap((product) => product.skus.map((sku) => [sku.id, { ...sku, product }])));
  show();
} catch (error) {
  $("filled").hidden = false;
  showError(error.message);
}
