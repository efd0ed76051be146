import * as api from "./api.js";
import { $, busy } from "./page.js";

const form = $("confirm");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(form.querySelector("button"), async () => {
    const { data } = await api.verifyEmail(decodeURIComponent(location.hash.slice(1)));
    form.hidden = true;
    $("done").textContent = data.message;
    $("done").hidden = false;
  });
});
