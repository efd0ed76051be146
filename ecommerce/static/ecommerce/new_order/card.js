/* Stripe's own card field: the number goes from its frame to Stripe, and only Stripe's name for the card (pm_…) into
   the form. Also sees to it that the form is sent once. Shared by "New order" and "Pay with another card". */

const section = document.getElementById("new-card");
const form = section.closest("form");
const token = form.elements.token;
const label = form.elements.token_label;
const kept = document.getElementById("kept-card");
const field = document.getElementById("typed-card");
const problem = document.getElementById("card-problem");
let stripe = null;
let card = null;
let complete = false;
let busy = false;

function say(sentence) {
  problem.textContent = sentence;
}

function wantsNewCard() {
  const chosen = form.querySelector("input[name=card]:checked");
  return !document.getElementById("payment").hidden && chosen?.value === "new" && section.dataset.stripeKey !== "";
}

/* Then the server says all that is to be put right at once, and not the card's part alone. */
function wrongElsewhere() {
  const { expected_total: total, customer_id: customer } = form.elements;
  return form.id === "new-order" && !(total && customer.value);
}

/* A card that Stripe has named and that was not charged (the form came back with a problem) need not be typed again. */
function showKept() {
  kept.hidden = token.value === "";
  field.hidden = token.value !== "" || section.dataset.stripeKey === "";
  kept.querySelector("span").textContent = `${label.value || token.value}, ${section.dataset.kept}`;
}

function forget() {
  token.value = label.value = "";
  showKept();
  mount();
}

function load() {
  return new Promise((resolve, reject) => {
    if (window.Stripe) return resolve();
    const script = document.createElement("script");
    script.src = section.dataset.stripeJs;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
}

/* Stripe's frame understands plain colours only, and the theme's are not: they are painted, and read back. */
function plain(color) {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

function look() {
  const color = plain(getComputedStyle(document.getElementById("card-element")).color);
  const wrong = plain(getComputedStyle(problem).color);
  const base = { color, iconColor: color, fontSize: "16px", fontFamily: "system-ui, sans-serif" };
  return { style: { base, invalid: { color: wrong, iconColor: wrong } }, hidePostalCode: true };
}

async function mount() {
  if (card || !section.dataset.stripeKey) return;
  try {
    await load();
    if (card) return;
    stripe = window.Stripe(section.dataset.stripeKey);
    card = stripe.elements().create("card", look());
    card.on("change", (event) => {
      complete = event.complete;
      say(event.error ? event.error.message : "");
    });
    card.mount("#card-element");
    // Stripe's frame does not see the page's theme: it is told when that changes.
    new MutationObserver(() => card.update(look())).observe(document.documentElement, { attributeFilter: ["class"] });
  } catch {
    say(section.dataset.unloaded);
  }
}

async function nameCard(button) {
  if (!card) return say(section.dataset.unready);
  const answer = await stripe.createPaymentMethod({ type: "card", card });
  if (answer.error) return say(answer.error.message);
  const { id, card: facts } = answer.paymentMethod;
  token.value = id;
  label.value = facts ? `${facts.brand[0].toUpperCase()}${facts.brand.slice(1)} •••• ${facts.last4}` : "";
  showKept();
  busy = false;
  form.requestSubmit(button);
}

function sending(button, on) {
  busy = on;
  button.setAttribute("aria-disabled", String(on));
  if (on) button.dataset.said = button.textContent;
  button.textContent = on ? section.dataset.sending : button.dataset.said;
}

form.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (button?.name !== "_submit") return;
  if (busy) return event.preventDefault();
  sending(button, true);
  if (!wantsNewCard() || token.value || (!complete && wrongElsewhere())) return;
  event.preventDefault();
  say("");
  try {
    await nameCard(button);
  } catch {
    say(section.dataset.unloaded);
  }
  if (!token.value) {
    sending(button, false);
    problem.scrollIntoView({ block: "center" });
    card?.focus();
  }
});

// Coming back to a page that the browser had kept whole: it may be sent again, and makes the same order.
window.addEventListener("pageshow", (event) => {
  const button = form.querySelector("[name=_submit]");
  if (event.persisted && busy && button) sending(button, false);
});

kept.querySelector("button").addEventListener("click", forget);
form.addEventListener("change", (event) => event.target.name === "card" && wantsNewCard() && mount());
document.addEventListener("parts:swapped", () => wantsNewCard() && !token.value && mount());
showKept();
if (wantsNewCard() && !token.value) mount();
