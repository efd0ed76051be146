/* A text field with suggestions: the ARIA combobox pattern with a listbox popup. The picked id goes into the hidden
   field beside it, which then fires "change". Without this script the server looks the text up. */

const DEBOUNCE_MS = 150;

class Combobox {
  constructor(root) {
    this.root = root;
    this.input = root.querySelector("input[type=text]");
    this.idField = root.querySelector("input[type=hidden]");
    this.options = [];
    this.active = -1;
    this.latestRequest = 0;
    this.build();
    this.listen();
  }

  build() {
    this.list = document.createElement("ul");
    this.list.id = `${this.input.id}-list`;
    this.list.className = "of-list";
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", this.root.dataset.list);
    this.root.append(this.list);
    this.input.setAttribute("role", "combobox");
    this.input.setAttribute("aria-autocomplete", "list");
    this.input.setAttribute("aria-expanded", "false");
    this.input.setAttribute("aria-controls", this.list.id);
  }

  listen() {
    this.input.addEventListener("input", () => {
      if (this.idField.value) this.choose("", null);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.fetchResults(), DEBOUNCE_MS);
    });
    this.input.addEventListener("click", () => this.list.hidden && this.fetchResults());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => this.close());
    // A press on the list must not take the focus away from the field: that would close the list first.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.pick(event.target.closest("[role=option]")));
  }

  async fetchResults() {
    const request = ++this.latestRequest;
    const text = this.idField.value ? "" : this.input.value;
    try {
      const response = await fetch(`${this.root.dataset.url}?q=${encodeURIComponent(text)}`);
      if (!response.ok) throw new Error(response.statusText);
      const { results } = await response.json();
      if (request === this.latestRequest && document.activeElement === this.input) this.show(results);
    } catch {
      if (request === this.latestRequest) this.showMessage(this.root.dataset.failed);
    }
  }

  show(results) {
    if (!results.length) return this.showMessage(this.root.dataset.nothing);
    this.options = results.map((result, place) => {
      const option = document.createElement("li");
      option.id = `${this.list.id}-${place}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.id = result.id;
      option.dataset.label = result.label;
      option.append(result.label);
      if (result.detail) {
        const detail = document.createElement("span");
        detail.textContent = result.detail;
        option.append(" ", detail);
      }
      return option;
    });
    this.open(this.options);
  }

  showMessage(message) {
    const item = document.createElement("li");
    item.className = "of-nothing";
    item.setAttribute("role", "option");
    item.setAttribute("aria-disabled", "true");
    item.textContent = message;
    this.options = [];
    this.open([item]);
  }

  open(items) {
    this.list.replaceChildren(...items);
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark(-1);
  }

  close() {
    clearTimeout(this.timer);
    this.latestRequest += 1;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.mark(-1);
  }

  mark(place) {
    this.active = place;
    this.options.forEach((option, each) => option.setAttribute("aria-selected", String(each === place)));
    const option = this.options[place];
    if (option) {
      this.input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.list.hidden) return this.fetchResults();
      const step = event.key === "ArrowDown" ? 1 : -1;
      const count = this.options.length;
      if (count) this.mark(this.active < 0 && step < 0 ? count - 1 : (this.active + step + count) % count);
    } else if (event.key === "Enter" && !this.list.hidden) {
      event.preventDefault();
      this.pick(this.options[this.active] ?? (this.options.length === 1 ? this.options[0] : null));
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.close();
    } else if (event.key === "Tab" && this.active >= 0) this.pick(this.options[this.active]);
  }

  pick(option) {
    if (!option) return;
    this.choose(option.dataset.id, option.dataset.label);
    this.close();
  }

  choose(id, label) {
    this.idField.value = id;
    if (label !== null) this.input.value = label;
    this.idField.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

function enhance(within) {
  for (const root of within.querySelectorAll("[data-combobox]:not([data-enhanced])")) {
    root.dataset.enhanced = "";
    new Combobox(root);
  }
}

// Rows that are added later announce themselves.
document.addEventListener("rows:added", (event) => enhance(event.target));
enhance(document);
