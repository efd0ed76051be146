import * as api from "./api.js";
import { $, whileBusy } from "./page.js";

/* The key is in the fragment, which is sent to no server and stays out of every log. */
const key = decodeURIComponent(location.hash.slice(1));
const form = key ? $("set") : $("ask");
form.hidden = false;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(form.querySelector("button"), async () => {
    const { data } = key ? await api.resetPassword(key, form.elements.password.value) : await api.forgotPassword(form.elements.email.value);
    form.hidden = true;
    $("done").textContent = data.message;
    $("done").hidden = false;
  });
});
