import * as api from "./api.js";
import { $, formBody, whileBusy } from "./page.js";

/* Returns to the page that asked for the sign-in, only ever one of this shop. */
function goNext() {
  const next = new URLSearchParams(location.search).get("next") || "/shop/";
  location.assign(next.startsWith("/shop/") ? next : "/shop/");
}

for (const [id, submit] of [["sign-in", api.login], ["register", api.register]]) {
  $(id).addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy($(id).querySelector("button"), async () => {
      await submit(formBody($(id)));
      goNext();
    });
  });
}
