import * as api from "./api.js";
import { $, showError, whileBusy } from "./page.js";

const key = decodeURIComponent(location.hash.slice(1));
const form = $("confirm");
form.hidden = !key;
if (!key) showError("Open this page by the link in the e-mail.");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(form.querySelector("button"), async () => {
    const { data } = await api.verifyEmail(key);
    /* Who confirms without being signed in sets the password: an earlier one may be of somebody else. */
    if (data.password_key) return location.assign(`${form.dataset.password}#${encodeURIComponent(data.password_key)}`);
    form.hidden = true;
    $("done").textContent = data.message;
    $("done").hidden = false;
  });
});
