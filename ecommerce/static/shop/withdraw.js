import { $, formBody, whileBusy } from "./page.js";
import { showWithdrawal } from "./withdrawal.js";

/* The number may come with the link of a mail: /shop/withdraw/#1042. */
const find = $("find");
find.elements.number.value = decodeURIComponent(location.hash.slice(1));
find.addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(find.querySelector("button"), async () => {
    const { number, email } = formBody(find);
    await showWithdrawal(number.trim(), { email });
    find.hidden = true;
    $("withdraw").querySelector("input")?.focus();
  });
});
