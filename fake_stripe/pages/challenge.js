/* Tells the fake Stripe whether the customer authenticated, then returns to the shop's page. */
"use strict";

const { intent, return: returnUrl } = document.body.dataset;
const framed = window.parent !== window;
const buttons = document.querySelectorAll("button");

async function decide(outcome) {
  for (const button of buttons) button.disabled = true;
  const answer = await fetch(`/_sandbox/3ds/${intent}`, { method: "POST", body: JSON.stringify({ outcome }) });
  const told = await answer.json();
  if (!answer.ok) {
    document.getElementById("problem").textContent = told.error.message;
    return;
  }
  if (framed) window.parent.postMessage({ kind: "authenticated", outcome }, "*");
  else if (returnUrl) leave(outcome, told);
  else document.querySelector("main").innerHTML = "<h1>Done</h1><p>You may close this page.</p>";
}

function leave(outcome, told) {
  const url = new URL(returnUrl);
  url.searchParams.set(told.object, told.id);
  url.searchParams.set(`${told.object}_client_secret`, told.client_secret);
  url.searchParams.set("redirect_status", outcome === "complete" && told.status !== "requires_payment_method" ? "succeeded" : "failed");
  location.assign(url);
}

for (const button of buttons) {
  button.addEventListener("click", () => decide(button.dataset.outcome));
  button.disabled = false;
}
buttons[0].focus();
