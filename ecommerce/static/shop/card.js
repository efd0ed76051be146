/* The choice of a saved or a new card. */

import { authenticate, createPaymentMethod, mount } from "./card-element.js";
import { $, cardNameWithExpiry, renderChoices, selectedValue, showError } from "./page.js";

export { authenticate };

/* Renders the choices; returns a function that resolves to the payment source for the API. */
export async function renderCardChoices(sources) {
  const saved = sources.map((card) => ({ value: String(card.id), text: cardNameWithExpiry(card) }));
  await renderChoices($("cards"), "card", saved, "A new card", async () => {
    $("new-card").hidden = selectedValue("card") !== "new";
    if (!$("new-card").hidden) await mount(() => showError(""));
  });
  return async () => (selectedValue("card") === "new" ? newCard() : { source_id: Number(selectedValue("card")) });
}

const newCard = async () => ({ payment_gateway: "stripe", gateway_token: await createPaymentMethod(), save_card: $("save-card").checked });
