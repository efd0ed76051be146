import * as basket from "./basket.js";
import { announce, createElement } from "./page.js";

for (const form of document.querySelectorAll("form.choose")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = form.elements.sku.selectedOptions[0];
    if (!chosen || chosen.disabled) return;
    basket.add(Number(chosen.value));
    announce(`${form.dataset.product}, ${chosen.textContent}: in the basket`);
    form.querySelector(".added")?.remove();
    form.append(createElement("a", { className: "added", href: "/shop/basket/" }, "In the basket ✓"));
  });
  if (![...form.elements.sku.options].some((option) => !option.disabled)) Object.assign(form.querySelector("button"), { disabled: true, textContent: "Sold out" });
}
