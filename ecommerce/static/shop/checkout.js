import * as api from "./api.js";
import * as basket from "./basket.js";
import * as card from "./card.js";
import { $, busy, choose, chosen, formBody, goSignIn, item, money, problem, sums, written } from "./page.js";

const form = $("checkout");
let summary = null;
let means = null;

function addresses(saved) {
  const shipping = saved.filter(({ type }) => type === "shipping").map((each) => ({ value: String(each.id), text: written(each) }));
  choose($("addresses"), "address", shipping, "A new address", () => ($("new-address").hidden = chosen("address") !== "new"));
}

async function whereto() {
  if (!summary.shippable) return {};
  if (chosen("address") !== "new") return { address_id: Number(chosen("address")) };
  const fields = [...$("new-address").querySelectorAll("input, select")];
  const wrong = fields.find((field) => !field.checkValidity());
  if (wrong) {
    wrong.focus();
    throw new Error(`${wrong.labels[0].firstChild.textContent}: ${wrong.validationMessage}`);
  }
  const { address, card: _card, ...body } = formBody(form);
  const saved = (await api.addAddress({ type: "shipping", ...body })).addresses;
  addresses(saved);
  const newest = saved.reduce((newest, each) => (each.id > newest.id ? each : newest));
  document.querySelector(`input[name=address][value="${newest.id}"]`).checked = true;
  $("new-address").hidden = true;
  return { address_id: newest.id };
}

/* Whatever was answered, there is an order or there is none. Only silence leaves that open, and is asked again. */
async function send({ key, body }) {
  try {
    const order = await api.createOrder(body, key);
    basket.settle();
    basket.clear();
    location.assign(`/shop/orders/${encodeURIComponent(order.number)}/?placed`);
  } catch (error) {
    if (!(error instanceof api.Unanswered)) basket.settle();
    $("back").hidden = error.status !== 409;
    throw error;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy($("pay"), async () => {
    const unanswered = basket.pending(api.whose());
    if (unanswered) return send(unanswered);
    const body = { ...basket.asked(), ...(await whereto()), ...(summary.total ? await means() : {}) };
    await send(basket.begin(body, api.whose()));
  });
});

async function show() {
  if (!api.signedIn()) return goSignIn();
  const unanswered = basket.pending(api.whose());
  if (unanswered) $("unsure").hidden = false;
  if (basket.isEmpty() && !unanswered) return location.replace("/shop/basket/");
  form.hidden = false;
  if (unanswered) {
    try {
      return await send(unanswered);
    } catch (error) {
      problem(error.message);
      if (error instanceof api.Unanswered) return;
      $("unsure").hidden = true;
    }
  }
  const [priced, customer] = await Promise.all([api.summary(basket.asked()), api.customer()]);
  summary = priced;
  $("lines").replaceChildren(...summary.items.map(({ name, quantity, amount }) => item(name, quantity, amount, summary.currency)));
  sums($("sums"), { ...summary, coupon: summary.coupon?.code });
  $("pay").textContent = summary.total ? `Pay ${money(summary.total, summary.currency)}` : "Order, nothing to pay";
  $("delivery").hidden = !summary.shippable;
  $("payment").hidden = !summary.total;
  for (const [name, value] of Object.entries({ first_name: customer.first_name, last_name: customer.last_name })) form.elements[name].value ||= value;
  addresses(customer.addresses);
  if (summary.total) means = await card.offer(customer.sources);
}

/* The basket was ordered or changed in another tab, or this page comes back from the past. */
window.addEventListener("storage", (event) => {
  if (event.key === basket.BASKET && !$("pay").hasAttribute("aria-busy")) location.reload();
});
window.addEventListener("pageshow", (event) => event.persisted && location.reload());

try {
  await show();
} catch (error) {
  if (error.status === 401) goSignIn();
  else problem(error.message);
  $("back").hidden = !error.code;
  $("pay").hidden = true;
}
