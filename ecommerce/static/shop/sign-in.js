import * as api from "./api.js";
import { $, busy, formBody } from "./page.js";

/* Back to where the sign-in was asked for: a page of this shop, and no other. */
function onward() {
  const next = new URLSearchParams(location.search).get("next") || "/shop/";
  location.assign(next.startsWith("/shop/") ? next : "/shop/");
}

for (const [id, act] of [["sign-in", api.login], ["register", api.register]]) {
  $(id).addEventListener("submit", (event) => {
    event.preventDefault();
    busy($(id).querySelector("button"), async () => {
      await act(formBody($(id)));
      onward();
    });
  });
}
