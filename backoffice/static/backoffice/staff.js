/* On every page of staff: times are told in the browser's zone, "/" leads to the search, a form with unsaved input asks before it is left, Print prints. */
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `browser_zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;

  const SEARCHES = ["#searchbar", "input[type=search]:not(#search-input-command, .select2-search__field)"];
  const IGNORED = "[data-ends-selection], #changelist-form, #changelist-search, [role=search], [method=get], #login-form";

  const isTyping = (element) => element.matches("input, textarea, select, [contenteditable=true]");

  function focusSearch(event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    const field = document.querySelector(SEARCHES.join(","));
    if (field) field.focus();
    else window.dispatchEvent(new CustomEvent("opencommand"));
  }

  // Unfold writes the name of a chosen file into the first text field around it, be it a field of its own.
  function keepTextFields() {
    for (const input of document.querySelectorAll("input[type=file]")) {
      const field = input.parentNode.parentNode.parentNode.querySelector("input[type=text]");
      if (!field || field.name) input.hasChangeListener = true;
    }
  }
  document.addEventListener("DOMContentLoaded", keepTextFields);

  // What a form held when it was shown: a field typed back to what it was is not unsaved.
  const shown = new Map();
  let leaving = false;

  const contents = (form) => JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value instanceof File ? value.name + value.size : value]));
  const isWatched = (form) => form.method === "post" && !form.matches(IGNORED) && form.querySelector("input:not([type=hidden]), select, textarea");

  function watch(form) {
    if (!shown.has(form) && isWatched(form)) shown.set(form, contents(form));
  }

  const touched = new Set();
  const isUnsaved = () => [...touched].some((form) => form.isConnected && shown.has(form) && contents(form) !== shown.get(form));

  document.addEventListener("focusin", ({ target }) => { if (target.form) watch(target.form); }, true);
  document.addEventListener("pointerdown", ({ target }) => { const form = target.closest?.("form"); if (form) watch(form); }, true);
  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, ({ target }) => { if (target.form && shown.has(target.form)) touched.add(target.form); }, true);
  }
  // select2 gives the field in which choices are searched no name.
  function nameSearches() {
    for (const select of document.querySelectorAll("select[multiple].select2-hidden-accessible")) {
      const label = select.labels[0]?.textContent.trim() ?? select.name;
      select.nextElementSibling.querySelector(".select2-search__field")?.setAttribute("aria-label", label);
    }
  }
  // Widgets of jQuery tell only jQuery of a change.
  document.addEventListener("DOMContentLoaded", () => {
    const jquery = window.django?.jQuery;
    jquery?.(() => setTimeout(nameSearches));
    jquery?.(document).on("change", "select", ({ target }) => { if (target.form && shown.has(target.form)) touched.add(target.form); });
    // The page that answers a form with its errors holds input that was saved nowhere.
    for (const form of document.querySelectorAll("main[data-unsaved] form")) if (isWatched(form)) { shown.set(form, ""); touched.add(form); }
  });
  window.addEventListener("submit", (event) => { if (!event.defaultPrevented) leaving = true; });
  window.addEventListener("pageshow", () => { leaving = false; });
  window.addEventListener("beforeunload", (event) => { if (!leaving && isUnsaved()) event.preventDefault(); });

  window.addEventListener("keydown", focusSearch, true);
  document.addEventListener("click", ({ target }) => { if (target.closest?.("[data-print]")) window.print(); });
})();
