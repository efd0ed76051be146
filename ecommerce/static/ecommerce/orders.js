/* The orders list and page: ticking rows, the options menu in place, and polling while Stripe is awaited. Without this
   script each link leads to a page of its own. */
(() => {
  const form = document.getElementById("changelist-form");
  const boxes = form ? [...form.querySelectorAll(".action-select")] : [];
  const toggle = document.getElementById("action-toggle");
  const across = form?.querySelector("[name=select_across]");
  const count = form?.querySelector(".o-count");
  let last = null;

  function updateSelection() {
    const ticked = boxes.filter((box) => box.checked).length;
    if (toggle) {
      toggle.checked = ticked > 0 && ticked === boxes.length;
      toggle.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    if (across && ticked === 0) across.checked = false;
    if (!count) return;
    const text = across?.checked ? count.dataset.all : ticked === 1 ? count.dataset.one : count.dataset.many;
    count.textContent = text.replace("{n}", ticked);
  }

  function tickBetween(from, to, checked) {
    const [low, high] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
    boxes.slice(low, high + 1).forEach((box) => { box.checked = checked; });
  }

  form?.addEventListener("click", (event) => {
    if (!boxes.includes(event.target)) return;
    if (event.shiftKey && last) tickBetween(last, event.target, event.target.checked);
    last = event.target;
    updateSelection();
  });
  form?.addEventListener("change", updateSelection);
  form?.addEventListener("reset", () => setTimeout(updateSelection));
  toggle?.addEventListener("change", () => { boxes.forEach((box) => { box.checked = toggle.checked; }); updateSelection(); });
  window.addEventListener("pageshow", updateSelection); // the browser restores ticks on going back

  document.querySelector(".o-tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

  // Poll the page of an order that waits for Stripe.
  async function pollOrder() {
    const response = await fetch(location.href).catch(() => null);
    if (response?.ok && !response.redirected) {
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("content-main");
      if (!fresh.hasAttribute("data-waiting")) { document.getElementById("content-main").replaceWith(fresh); return; }
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
