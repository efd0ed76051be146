import * as api from "./api.js";
import { $, announce, cardName, cardNameWithExpiry, createElement, formBody, formatAddress, goSignIn, showError, whileBusy } from "./page.js";

function button(text, label, work) {
  const element = createElement("button", { type: "button", className: "link" }, text);
  element.setAttribute("aria-label", label);
  element.addEventListener("click", () => whileBusy(element, async () => show(await work())));
  return element;
}

function sourceLine(card) {
  const name = cardName(card);
  return createElement("li", { className: "line" },
    createElement("span", { className: "name" }, `${cardNameWithExpiry(card)}${card.is_default ? " (default)" : ""}`),
    createElement("span", { className: "acts" },
      card.is_default ? null : button("Make default", `Make ${name} the default`, () => api.chooseSource(card.id)),
      button("Remove", `Remove ${name}`, () => api.removeSource(card.id))));
}

const addressLine = (saved) => createElement("li", { className: "line" },
  createElement("span", { className: "name" }, formatAddress(saved)),
  createElement("span", { className: "acts" }, button("Remove", `Remove the address ${saved.line1}`, () => api.removeAddress(saved.id))));

const emptyLine = (sentence) => createElement("li", { className: "empty" }, sentence);

function show(customer) {
  $("who").textContent = [`${customer.first_name} ${customer.last_name}`.trim(), customer.email].filter(Boolean).join(", ");
  $("unconfirmed").hidden = customer.email_verified;
  $("cards").replaceChildren(...(customer.sources.length ? customer.sources.map(sourceLine) : [emptyLine("No card is saved. One is kept when you pay, if you tick so.")]));
  $("addresses").replaceChildren(...(customer.addresses.length ? customer.addresses.map(addressLine) : [emptyLine("No address is saved. One is kept when you order something that is shipped.")]));
}

$("resend").addEventListener("click", () => whileBusy($("resend"), async () => announce((await api.resendEmail()).data.message)));
/* Each asks for the password again, and clears its fields once it is done. */
function onSubmit(id, work) {
  const form = $(id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(form.querySelector("button"), async () => {
      await work(formBody(form));
      form.reset();
    });
  });
}

function say(sentence) {
  showError(sentence, "good");
  announce(sentence);
}

onSubmit("change-password", async (body) => {
  await api.changePassword(body);
  say("Your password is changed. Every other browser and app is signed out.");
});
onSubmit("change-email", async (body) => {
  await api.changeEmail(body);
  show(await api.customer());
  say("Your e-mail is changed. Follow the link that was sent to the new one: until then the account shows nothing from before.");
});
onSubmit("delete-account", async (body) => {
  const said = await api.deleteAccount(body);
  document.querySelector("#account").hidden = true;
  say(said);
});

if (!api.signedIn()) goSignIn();
else api.customer().then(show, (error) => (error.status === 401 ? goSignIn() : showError(error.message)));
