/* Stripe's card field. The number goes from its frame to Stripe; the shop gets a name for the card (pm_…). */

import { $, cardEnds, choose, chosen, make, problem } from "./page.js";

let stripe = null;
let field = null;

function load() {
  return new Promise((resolve, reject) => {
    if (window.Stripe) return resolve();
    const script = make("script", { src: document.body.dataset.stripeJs, onload: resolve, onerror: () => reject(new Error("The card field could not be loaded. Reload the page.")) });
    document.head.append(script);
  });
}

async function client() {
  await load();
  stripe ||= window.Stripe(document.body.dataset.stripeKey);
  return stripe;
}

const look = () => {
  const { color } = getComputedStyle($("card-element"));
  const base = { color, iconColor: color, fontSize: "16px", fontFamily: "system-ui, sans-serif" };
  return { style: { base }, hidePostalCode: true };
};

async function mount() {
  const elements = (await client()).elements();
  if (field) return;
  field = elements.create("card", look());
  field.on("change", () => problem(""));
  field.mount("#card-element");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => field.update(look()));
}

/* Offers the saved cards and a new one; gives a function that says which was chosen, as the API takes it. */
export async function offer(sources) {
  const saved = sources.map((card) => ({ value: String(card.id), text: cardEnds(card) }));
  await choose($("cards"), "card", saved, "A new card", async () => {
    $("new-card").hidden = chosen("card") !== "new";
    if (!$("new-card").hidden) await mount();
  });
  return async () => (chosen("card") === "new" ? named() : { source_id: Number(chosen("card")) });
}

async function named() {
  const { paymentMethod, error } = await stripe.createPaymentMethod({ type: "card", card: field });
  if (error) throw new Error(error.message);
  return { payment_gateway: "stripe", gateway_token: paymentMethod.id, save_card: $("save-card").checked };
}

/* Shows the bank's page (3-D Secure) over this one, until the customer is done with it. */
export async function authenticate(secret) {
  const { error } = await (await client()).handleNextAction({ clientSecret: secret });
  return error ? error.message : "";
}
