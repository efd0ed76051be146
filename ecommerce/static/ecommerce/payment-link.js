/* "Copy payment link" on the order page: makes the link where there is none, shows it, and copies it. */
(() => {
  async function copy(form) {
    const body = new FormData(form);
    const response = await fetch(form.action, { method: "POST", body, headers: { "X-Fragment": "payment-link" } }).catch(() => null);
    if (!response?.ok || response.redirected) { location.reload(); return; }
    const fresh = document.createRange().createContextualFragment(await response.text()).firstElementChild;
    document.getElementById("payment-link").replaceWith(fresh);
    const field = fresh.querySelector("input[readonly]");
    const isCopied = await (navigator.clipboard?.writeText(field.value) ?? Promise.reject()).then(() => true, () => false);
    const status = fresh.querySelector("[role=status]");
    status.textContent = isCopied ? status.dataset.copied : status.dataset.selected;
    if (isCopied) fresh.querySelector("button").focus();
    else field.select();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-copies-link]")) return;
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    copy(form);
  });
})();
