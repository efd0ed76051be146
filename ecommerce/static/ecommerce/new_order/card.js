/* Stripe's card element: the number goes from its frame to Stripe, and only the payment method id (pm_…) into the
   form. Also prevents submitting the form twice. Shared by "New order" and "Pay with another card". */

const section = document.getElementById("new-card");
const form = section.closest("form");
const token = form.elements.token;
const label = form.elements.token_label;
const keptCard = document.getElementById("kept-card");
const cardField = document.getElementById("typed-card");
const problem = document.getElementById("card-problem");
let stripe = null;
let card = null;
let complete = false;
let busy = false;

function showProblem(sentence) {
  problem.textContent = sentence;
}

function isNewCardSelected() {
  const chosen = form.querySelector("input[name=card]:checked");
  return !document.getElementById("payment").hidden && chosen?.value === "new" && section.dataset.stripeKey !== "";
}

/* The server then reports all errors at once, not the card's alone. */
function isFormIncomplete() {
  const { expected_total: total, customer_id: customer } = form.elements;
  return form.id === "new-order" && !(total && customer.value);
}

/* A card that has a token and was not charged (the form came back with errors) need not be typed again. */
function showKeptCard() {
  keptCard.hidden = token.value === "";
  cardField.hidden = token.value !== "" || section.dataset.stripeKey === "";
  keptCard.querySelector("span").textContent = `${label.value || token.value}, ${section.dataset.kept}`;
}

function forgetCard() {
  token.value = label.value = "";
  showKeptCard();
  mount();
}

function loadStripe() {
  return new Promise((resolve, reject) => {
    if (window.Stripe) return resolve();
    const script = document.createElement("script");
    script.src = section.dataset.stripeJs;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
}

/* Stripe's frame takes rgb() colours only, and the theme's are oklch(): paint one pixel and read it back. */
function toRgb(color) {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

function cardOptions() {
  const color = toRgb(getComputedStyle(document.getElementById("card-element")).color);
  const wrong = toRgb(getComputedStyle(problem).color);
  const base = { color, iconColor: color, fontSize: "16px", fontFamily: "system-ui, sans-serif" };
  return { style: { base, invalid: { color: wrong, iconColor: wrong } }, hidePostalCode: true };
}

async function mount() {
  if (card || !section.dataset.stripeKey) return;
  try {
    await loadStripe();
    if (card) return;
    stripe = window.Stripe(section.dataset.stripeKey);
    card = stripe.elements().create("card", cardOptions());
    card.on("change", (event) => {
      complete = event.complete;
      showProblem(event.error ? event.error.message : "");
    });
    card.mount("#card-element");
    // Stripe's frame does not see the page's theme.
    new MutationObserver(() => card.update(cardOptions())).observe(document.documentElement, { attributeFilter: ["class"] });
  } catch {
    showProblem(section.dataset.unloaded);
  }
}

async function createPaymentMethod(button) {
  if (!card) return showProblem(section.dataset.unready);
  const result = await stripe.createPaymentMethod({ type: "card", card });
  if (result.error) return showProblem(result.error.message);
  const { id, card: details } = result.paymentMethod;
  token.value = id;
  label.value = details ? `${details.brand[0].toUpperCase()}${details.brand.slice(1)} •••• ${details.last4}` : "";
  showKeptCard();
  busy = false;
  form.requestSubmit(button);
}

function setSending(button, on) {
  busy = on;
  button.setAttribute("aria-disabled", String(on));
  if (on) button.dataset.said = button.textContent;
  button.textContent = on ? section.dataset.sending : button.dataset.said;
}

form.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (button?.name !== "_submit") return;
  if (busy) return event.preventDefault();
  setSending(button, true);
  if (!isNewCardSelected() || token.value || (!complete && isFormIncomplete())) return;
  event.preventDefault();
  showProblem("");
  try {
    await createPaymentMethod(button);
  } catch {
    showProblem(section.dataset.unloaded);
  }
  if (!token.value) {
    setSending(button, false);
    problem.scrollIntoView({ block: "center" });
    card?.focus();
  }
});

// A page restored from the back-forward cache may be submitted again; its key gives the same order.
window.addEventListener("pageshow", (event) => {
  const button = form.querySelector("[name=_submit]");
  if (event.persisted && busy && button) setSending(button, false);
});

keptCard.querySelector("button").addEventListener("click", forgetCard);
form.addEventListener("change", (event) => event.target.name === "card" && isNewCardSelected() && mount());
document.addEventListener("parts:swapped", () => isNewCardSelected() && !token.value && mount());
showKeptCard();
if (isNewCardSelected() && !token.value) mount();
