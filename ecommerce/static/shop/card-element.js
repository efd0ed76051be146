/* Stripe's card field. The number goes from its iframe to Stripe; the page gets a payment method (pm_…). */

let stripe = null;
let field = null;

const place = () => document.getElementById("card-element");

function loadStripeJs() {
  return new Promise((resolve, reject) => {
    if (window.Stripe) return resolve();
    const onerror = () => reject(new Error("The card field could not be loaded. Reload the page."));
    document.head.append(Object.assign(document.createElement("script"), { src: document.body.dataset.stripeJs, onload: resolve, onerror }));
  });
}

async function stripeClient() {
  await loadStripeJs();
  stripe ||= window.Stripe(document.body.dataset.stripeKey);
  return stripe;
}

const cardStyle = () => {
  const { color } = getComputedStyle(place());
  const base = { color, iconColor: color, fontSize: "16px", fontFamily: "system-ui, sans-serif" };
  return { style: { base }, hidePostalCode: true };
};

/* Puts the field into #card-element, once; calls `changed` with each change. */
export async function mount(changed) {
  const elements = (await stripeClient()).elements();
  if (field) return;
  field = elements.create("card", cardStyle());
  field.on("change", changed);
  field.mount("#card-element");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => field.update(cardStyle()));
}

/* Returns the id of what was typed. */
export async function createPaymentMethod() {
  const { paymentMethod, error } = await stripe.createPaymentMethod({ type: "card", card: field });
  if (error) throw new Error(error.message);
  return paymentMethod.id;
}

/* Opens the bank's page (3-D Secure) over this one; returns the message of its error, if any. */
export async function authenticate(secret) {
  const { error } = await (await stripeClient()).handleNextAction({ clientSecret: secret });
  return error ? error.message : "";
}
