import * as api from "./api.js";
import { $, busy } from "./page.js";

/* The key stands behind the #, so that it is sent nowhere and stays out of every log. */
const key = decodeURIComponent(location.hash.slice(1));
const form = key ? $("set") : $("ask");
form.hidden = false;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(form.querySelector("button"), async () => {
    const { data } = key ? await api.resetPassword(key, form.elements.password.value) : await api.forgotPassword(form.elements.email.value);
    form.hidden = true;
    $("done").textContent = data.message;
    $("done").hidden = false;
  });
});
