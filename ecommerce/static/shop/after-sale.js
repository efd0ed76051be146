/* What may be asked of an order that was paid: to cancel it, to return items, to withdraw from the contract. */

import * as api from "./api.js";
import { $, announce, createElement, formBody, whileBusy } from "./page.js";
import { chosenItems, quantityFields, showWithdrawal } from "./withdrawal.js";

const STATUS = {
  requested: "we look at it",
  approved: "approved: write its number on the parcel",
  received: "has arrived",
  closed: "closed",
  declined: "declined",
  canceled: "canceled",
};
let reasons = null;

function renderReturns({ returns, items }) {
  const names = new Map(items.map(({ id, product_sku_name: name }) => [id, name]));
  $("returns").replaceChildren(...returns.map(({ number, status, answer, items: rows }) => createElement("li", { className: "line" },
    createElement("span", { className: "name" },
      createElement("b", {}, `Return ${number}: ${STATUS[status] ?? status}`),
      createElement("span", {}, ` ${rows.map(({ id, quantity }) => `${quantity} × ${names.get(id)}`).join("; ")}`),
      answer ? createElement("span", {}, ` ${answer}`) : null))));
  $("returns").hidden = returns.length === 0;
}

/* What was sent, has not come back, and is in no return that is open. */
function returnable({ items, returns }) {
  const awaited = (id) => returns.filter(({ status }) => ["requested", "approved", "received"].includes(status))
    .flatMap((each) => each.items).filter((row) => row.id === id).reduce((sum, { quantity, received }) => sum + quantity - received, 0);
  return items.map(({ id, product_sku_name: name, fulfilled, returned }) => ({ id, name, quantity: fulfilled - returned - awaited(id) }))
    .filter(({ quantity }) => quantity > 0);
}

function offer(form, texts) {
  const select = form.elements.reason;
  if (select.options.length) return;
  const offered = [...texts, "Another reason"];
  select.append(createElement("option", { value: "" }, "Choose…"), ...offered.map((text) => createElement("option", { value: text }, text)));
}

function say(sentence) {
  $("answered").textContent = sentence;
  $("answered").hidden = false;
  $("answered").focus();
  announce(sentence);
}

function onSubmit(form, ask) {
  form.onsubmit = (event) => {
    event.preventDefault();
    whileBusy(form.querySelector("button"), async () => {
      const sentence = await ask(formBody(form));
      form.closest("details").open = false;
      say(sentence);
    });
  };
}

export async function renderAfterSale(order, reload) {
  const { number, status } = order;
  const sent = order.items.some(({ fulfilled }) => fulfilled > 0);
  $("cancellation").hidden = !["created", "paid"].includes(status) || sent;
  $("return").hidden = !["paid", "fulfilled"].includes(status) || returnable(order).length === 0;
  // What was answered stays, also once nothing more can be asked for.
  $("withdrawal").hidden = !["paid", "fulfilled"].includes(status) && $("withdrawn").hidden;
  $("after-sale").hidden = [$("cancellation"), $("return"), $("withdrawal")].every(({ hidden }) => hidden) && order.returns.length === 0 && $("answered").hidden;
  renderReturns(order);
  if ($("after-sale").hidden) return;
  reasons ??= await api.reasons();
  offer($("ask-to-cancel"), reasons.cancel);
  offer($("ask-for-return"), reasons.return);
  quantityFields($("return-items"), returnable(order), () => 0);
  onSubmit($("ask-to-cancel"), async ({ reason, note }) => {
    const { message } = await api.askToCancel(number, { reason, note });
    await reload();
    return message;
  });
  onSubmit($("ask-for-return"), async ({ reason, note }) => {
    const chosen = chosenItems($("return-items"));
    if (!chosen.length) throw new Error("Choose what you want to return.");
    await api.askForReturn(number, { items: chosen, reason, note });
    await reload();
    return "We look at it, and answer by mail.";
  });
  $("withdrawal").ontoggle = () => {
    if ($("withdrawal").open && $("withdrawn").hidden) whileBusy($("withdrawal"), () => showWithdrawal(number, {}, reload));
  };
}
