/* The page of a payment link. The server says what can be done; this takes the card and opens the bank's page. */

import { authenticate, createPaymentMethod, mount } from "./card-element.js";

const { state } = document.getElementById("main").dataset;
const pay = document.getElementById("pay");
const confirm = document.getElementById("confirm");
const query = new URLSearchParams(location.search);
const LONGEST = 30000;

function showProblem(sentence) {
  const place = document.getElementById("problem");
  place.textContent = sentence;
  place.hidden = !sentence;
}

/* Runs the work of a form, once at a time, and then sends it. */
async function send(form, work) {
  const button = form.querySelector("button");
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  showProblem("");
  try {
    await work();
    form.submit();
  } catch (error) {
    showProblem(error.message);
    button.removeAttribute("aria-busy");
  }
}

const takeCard = () => send(pay, async () => (pay.elements.gateway_token.value = await createPaymentMethod()));

/* However it ends, the server asks Stripe about it. */
const askBank = () => send(confirm, () => authenticate(confirm.dataset.secret));

/* Looks again while the payment is being confirmed, less and less often. */
async function poll(delay) {
  const response = await fetch(location.href).catch(() => null);
  const text = response ? await response.text() : "";
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
  if (fresh && fresh.dataset.state !== state) location.reload();
  else setTimeout(poll, delay, Math.min(delay * 1.5, LONGEST));
}

for (const [form, submit] of [[pay, takeCard], [confirm, askBank]]) {
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
}
/* Shown again from the browser's history, it may say what is no longer so. */
window.addEventListener("pageshow", (event) => event.persisted && location.reload());

/* The bank has sent the browser back here: Stripe adds the intent and its secret to the address. */
const isBack = query.has("payment_intent");
const isStarted = query.has("authenticate");
if (location.search) history.replaceState(null, "", location.pathname);

try {
  if (pay) await mount(() => showProblem(""));
  if (confirm && isBack) confirm.submit();
  else if (confirm && isStarted) await askBank();
} catch (error) {
  showProblem(error.message);
}
if (state === "confirming") setTimeout(poll, 2000, 3000);
