import * as api from "./api.js";
import { $, announce, busy, cardEnds, cardName, goSignIn, make, problem, written } from "./page.js";

function button(text, label, work) {
  const made = make("button", { type: "button", className: "link" }, text);
  made.setAttribute("aria-label", label);
  made.addEventListener("click", () => busy(made, async () => show(await work())));
  return made;
}

function source(card) {
  const name = cardName(card);
  return make("li", { className: "line" },
    make("span", { className: "name" }, `${cardEnds(card)}${card.is_default ? " (default)" : ""}`),
    make("span", { className: "acts" },
      card.is_default ? null : button("Make default", `Make ${name} the default`, () => api.chooseSource(card.id)),
      button("Remove", `Remove ${name}`, () => api.removeSource(card.id))));
}

const address = (saved) => make("li", { className: "line" }, written(saved));

const none = (sentence) => make("li", { className: "empty" }, sentence);

function show(customer) {
  $("who").textContent = [`${customer.first_name} ${customer.last_name}`.trim(), customer.email].filter(Boolean).join(", ");
  $("unconfirmed").hidden = customer.email_verified;
  $("cards").replaceChildren(...(customer.sources.length ? customer.sources.map(source) : [none("No card is saved. One is kept when you pay, if you tick so.")]));
  $("addresses").replaceChildren(...(customer.addresses.length ? customer.addresses.map(address) : [none("No address is saved. One is kept when you order something that is shipped.")]));
}

$("resend").addEventListener("click", () => busy($("resend"), async () => announce((await api.resendEmail()).data.message)));
if (!api.signedIn()) goSignIn();
else api.customer().then(show, (error) => (error.status === 401 ? goSignIn() : problem(error.message)));
