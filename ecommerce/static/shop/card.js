/* Stripe's card field. The number goes from its iframe to Stripe; the shop gets a payment method (pm_…). */

import { $, cardNameWithExpiry, createElement, renderChoices, selectedValue, showError } from "./page.js";

let stripe = null;
let field = null;

function loadStripeJs() {
  return new Promise((resolve, reject) => {
    if (window.Stripe) return resolve();
    const script = createElement("script", { src: document.body.dataset.stripeJs, onload: resolve, onerror: () => reject(new Error("The card field could not be loaded. Reload the page.")) });
    document.head.append(script);
  });
}

async function stripeClient() {
  await loadStripeJs();
  stripe ||= window.Stripe(document.body.dataset.stripeKey);
  return stripe;
}

const cardStyle = () => {
  const { color } = getComputedStyle($("card-element"));
  const base = { color, iconColor: color, fontSize: "16px", fontFamily: "system-ui, sans-serif" };
  return { style: { base }, hidePostalCode: true };
};

async function mount() {
  const elements = (await stripeClient()).elements();
  if (field) return;
  field = elements.create("card", cardStyle());
  field.on("change", () => showError(""));
  field.mount("#card-element");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => field.update(cardStyle()));
}

/* Renders the choice of a saved or a new card; returns a function that resolves to the payment source for the API. */
export async function renderCardChoices(sources) {
  const saved = sources.map((card) => ({ value: String(card.id), text: cardNameWithExpiry(card) }));
  await renderChoices($("cards"), "card", saved, "A new card", async () => {
    $("new-card").hidden = selectedValue("card") !== "new";
    if (!$("new-card").hidden) await mount();
  });
  return async () => (selectedValue("card") === "new" ? newCard() : { source_id: Number(selectedValue("card")) });
}

async function newCard() {
  const { paymentMethod, error } = await stripe.createPaymentMethod({ type: "card", card: field });
  if (error) throw new Error(error.message);
  return { payment_gateway: "stripe", gateway_token: paymentMethod.id, save_card: $("save-card").checked };
}

/* Opens the bank's page (3-D Secure) over this one; returns the message of its error, if any. */
export async function authenticate(secret) {
  const { error } = await (await stripeClient()).handleNextAction({ clientSecret: secret });
  return error ? error.message : "";
}
