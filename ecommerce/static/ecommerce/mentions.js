/* Suggests colleagues while @… is typed in a note. Without this script, the username is typed in full. */
(() => {
  const text = document.querySelector("textarea[data-mentions]");
  const source = document.getElementById("colleagues");
  if (!text || !source) return;
  const colleagues = JSON.parse(source.textContent);
  const list = document.createElement("ul");
  list.className = "o-mentions";
  list.id = "mentions";
  list.role = "listbox";
  list.hidden = true;
  text.after(list);
  text.setAttribute("aria-controls", list.id);
  text.setAttribute("aria-autocomplete", "list");

  const typed = () => /(^|[^\w@.+-])@([\w@.+-]*)$/.exec(text.value.slice(0, text.selectionStart));
  const options = () => [...list.children];
  const chosen = () => options().findIndex((option) => option.ariaSelected === "true");

  function close() {
    list.hidden = true;
    list.replaceChildren();
    text.removeAttribute("aria-activedescendant");
  }

  function mark(at) {
    options().forEach((option, index) => { option.ariaSelected = String(index === at); });
    text.setAttribute("aria-activedescendant", `mention-${at}`);
  }

  function take(name) {
    const found = typed();
    if (found) text.setRangeText(`${name} `, text.selectionStart - found[2].length, text.selectionStart, "end");
    close();
    text.focus();
  }

  function suggest() {
    const found = typed();
    const start = found ? found[2].toLowerCase() : "";
    const fitting = found ? colleagues.filter(({ name, label }) => `${name} ${label}`.toLowerCase().split(" ").some((word) => word.startsWith(start))).slice(0, 8) : [];
    close();
    fitting.forEach(({ name, label }, index) => {
      const option = document.createElement("li");
      option.id = `mention-${index}`;
      option.role = "option";
      option.dataset.name = name;
      option.textContent = label ? `@${name} (${label})` : `@${name}`;
      list.append(option);
    });
    list.hidden = fitting.length === 0;
    if (fitting.length) mark(0);
  }

  text.addEventListener("input", suggest);
  text.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    if (event.target.dataset.name) take(event.target.dataset.name);
  });
  text.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const count = list.children.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") mark((chosen() + (event.key === "ArrowDown" ? 1 : count - 1)) % count);
    else if (event.key === "Enter" || event.key === "Tab") take(list.children[chosen()].dataset.name);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
})();
