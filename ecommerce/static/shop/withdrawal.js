/* The two steps of a withdrawal: what it would do, and its confirmation. */

import * as api from "./api.js";
import { $, announce, createElement, formatTime, whileBusy } from "./page.js";

/* A number for each item, by its id: how many of it. */
export function quantityFields(list, items, first) {
  list.replaceChildren(...items.map(({ id, name, quantity }) => {
    const input = createElement("input", { type: "number", name: `item-${id}`, min: 0, max: quantity, value: first(quantity), inputMode: "numeric" });
    return createElement("label", {}, createElement("span", {}, `${name} (of ${quantity})`), input);
  }));
}

export const chosenItems = (list) =>
  [...list.querySelectorAll("input")].map(({ name, value }) => ({ id: Number(name.slice(5)), quantity: Number(value) })).filter(({ quantity }) => quantity > 0);

function merged(items) {
  const byId = new Map();
  for (const { id, name, quantity } of items) byId.set(id, { id, name, quantity: quantity + (byId.get(id)?.quantity ?? 0) });
  return [...byId.values()];
}

/* `identity` is the e-mail of a guest's order, or nothing. */
export async function showWithdrawal(number, identity, done) {
  const quote = await api.withdraw(number, { items: null, ...identity });
  const all = merged(quote.items);
  $("withdraw-number").textContent = number;
  $("withdraw-until").textContent = quote.open_until ? `· until ${formatTime(quote.open_until)}` : "";
  quantityFields($("withdraw-items"), all, (quantity) => quantity);
  $("withdraw-excluded").replaceChildren(...quote.excluded.map(({ name, why }) => createElement("li", {}, `${name} can't be withdrawn from: ${why}.`)));
  $("withdraw-excluded").hidden = quote.excluded.length === 0;
  $("withdraw").hidden = false;
  $("withdraw").onsubmit = (event) => {
    event.preventDefault();
    whileBusy($("withdraw").querySelector("button"), async () => {
      const items = chosenItems($("withdraw-items"));
      if (!items.length) throw new Error("Choose at least one item.");
      const isAll = all.every(({ id, quantity }) => items.some((each) => each.id === id && each.quantity === quantity));
      const received = await api.withdraw(number, { items: isAll ? null : items, confirm: true, ...identity });
      $("withdraw").hidden = true;
      $("withdrawn").textContent = received.message;
      $("withdrawn").hidden = false;
      $("withdrawn").focus();
      announce(received.message);
      await done?.();
    });
  };
}
