/* The orders list and page: ticking rows, the options menu in place, and polling while Stripe is awaited. Without this
   script each link leads to a page of its own. */
(() => {
  const form = document.getElementById("changelist-form");
  const boxes = form ? [...form.querySelectorAll(".action-select")] : [];
  const toggle = document.getElementById("action-toggle");
  const across = form?.querySelector("[name=select_across]");
  const count = form?.querySelector(".o-count");
  let last = null;

  // Ticks are kept in this tab of the browser while the same list is paged through, and go as one field.
  const key = form ? `ticks:${form.dataset.selection}` : "";
  const ticks = new Set();

  function storeTicks() {
    if (ticks.size) sessionStorage.setItem(key, JSON.stringify([...ticks]));
    else sessionStorage.removeItem(key);
  }

  function readBoxes() {
    for (const box of boxes) if (box.checked) ticks.add(box.value); else ticks.delete(box.value);
    storeTicks();
    updateSelection();
  }

  function updateSelection() {
    const here = boxes.filter((box) => box.checked).length;
    if (toggle) {
      toggle.checked = here > 0 && here === boxes.length;
      toggle.indeterminate = here > 0 && here < boxes.length;
    }
    form?.classList.toggle("o-ticked", ticks.size > 0);
    if (across && ticks.size === 0) across.checked = false;
    if (!count) return;
    const text = across?.checked ? count.dataset.all : ticks.size === 1 ? count.dataset.one : count.dataset.many;
    const elsewhere = ticks.size > here && !across?.checked ? ` ${count.dataset.elsewhere.replace("{n}", (ticks.size - here).toLocaleString("en-US"))}` : "";
    count.textContent = text.replace("{n}", ticks.size.toLocaleString("en-US")) + elsewhere;
  }

  function showTicks() {
    ticks.clear();
    for (const id of JSON.parse(sessionStorage.getItem(key) ?? "[]")) ticks.add(id);
    boxes.forEach((box) => { box.checked = ticks.has(box.value); });
    updateSelection();
  }

  form?.addEventListener("submit", () => {
    let field = form.querySelector("[name=ticked]");
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name: "ticked" });
      form.append(field);
    }
    field.value = [...ticks].join(",");
    if (["export_orders", "export_items"].includes(form.elements.action.value)) sessionStorage.removeItem(key);
  });
  // A refund's page: once something else is chosen, its button shows what goes back, and sends nothing.
  const quoted = document.querySelector("[data-shown-again]");
  quoted?.addEventListener("input", ({ target }) => {
    if (["reason", "notify"].includes(target.name)) return;
    quoted.method = "get";
    quoted.elements.confirmed.value = "";
    quoted.elements.csrfmiddlewaretoken.disabled = true;
    const button = quoted.querySelector("button");
    button.textContent = quoted.dataset.shownAgain;
    button.classList.replace("o-danger", "o-primary");
  });

  // The confirmation page: its button takes the selection up.
  document.querySelector("[data-ends-selection]")?.addEventListener("submit", ({ target }) => {
    sessionStorage.removeItem(`ticks:${target.dataset.endsSelection}`);
  });

  function tickBetween(from, to, checked) {
    const [low, high] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
    boxes.slice(low, high + 1).forEach((box) => { box.checked = checked; });
  }

  form?.addEventListener("click", (event) => {
    if (!boxes.includes(event.target)) return;
    if (event.shiftKey && last) tickBetween(last, event.target, event.target.checked);
    last = event.target;
    readBoxes();
  });
  form?.addEventListener("change", ({ target }) => { if (target === across) updateSelection(); else if (target !== toggle) readBoxes(); });
  form?.addEventListener("reset", () => setTimeout(() => { ticks.clear(); storeTicks(); showTicks(); }));
  toggle?.addEventListener("change", () => { boxes.forEach((box) => { box.checked = toggle.checked; }); readBoxes(); });
  window.addEventListener("pageshow", showTicks); // the browser restores ticks of its own on going back

  document.querySelector(".o-tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

  // Poll the page of an order that waits for Stripe.
  async function pollOrder() {
    const response = await fetch(location.href).catch(() => null);
    if (response?.ok && !response.redirected) {
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("content-main");
      if (!fresh.hasAttribute("data-waiting")) {
        document.getElementById("content-main").replaceWith(fresh);
        document.getElementById("messages")?.replaceChildren(); // what was being waited for when they were written is over
        return;
      }
    }
    setTimeout(pollOrder, 3000);
  }
  if (document.querySelector("[data-waiting]")) setTimeout(pollOrder, 1500);

  let opener = null;
  let popup = null;

  function close(refocus) {
    popup?.remove();
    opener?.setAttribute("aria-expanded", "false");
    if (refocus) opener?.focus();
    opener = popup = null;
  }

  function place() {
    const at = opener.getBoundingClientRect();
    const below = at.bottom + popup.offsetHeight < window.innerHeight;
    popup.style.top = `${window.scrollY + (below ? at.bottom : Math.max(0, at.top - popup.offsetHeight))}px`;
    popup.style.left = `${window.scrollX + Math.max(8, at.right - popup.offsetWidth)}px`;
  }

  async function open(link) {
    close(false);
    opener = link;
    link.setAttribute("aria-expanded", "true");
    const response = await fetch(link.href, { headers: { "X-Fragment": "menu" } }).catch(() => null);
    if (!response?.ok || response.redirected) { location.href = link.href; return; }
    const html = await response.text();
    if (opener !== link) return;
    popup = document.createElement("div");
    popup.className = "o-popup";
    popup.innerHTML = html;
    document.body.append(popup);
    place();
    popup.querySelector("a")?.focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-menu]");
    if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
      event.preventDefault();
      if (link === opener) close(true); else open(link);
    } else if (popup && !popup.contains(event.target)) close(false);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target.matches?.("[data-menu]")) { event.preventDefault(); open(event.target); }
    if (!popup) return;
    const links = [...popup.querySelectorAll("a")];
    const here = links.indexOf(document.activeElement);
    const steps = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: links.length - 1 };
    if (event.key === "Escape") close(true);
    else if (event.key === "Tab") close(false);
    else if (event.key in steps) {
      event.preventDefault();
      links[(steps[event.key] + links.length) % links.length].focus();
    }
  });
})();
