/* Shows city, state and postal code as the chosen country orders and calls them. Without it, all are shown. */

const TOWN = ["city", "state", "postal_code"];
let formats;
const formatsFrom = (url) => (formats ??= fetch(url).then((response) => (response.ok ? response.json() : {}), () => ({})));

async function arrange(fieldset) {
  const input = (name) => fieldset.querySelector(`[name$="${name}"]`);
  const country = input("country");
  const format = (await formatsFrom(fieldset.dataset.addressFields))[country.value];
  if (!format) return;
  const boxes = Object.fromEntries(TOWN.map((name) => [name, input(name).closest("[data-field]")]));
  let before = fieldset.querySelector("[data-field=line2]");
  for (const name of [...format.fields, ...TOWN.filter((name) => !format.fields.includes(name))]) {
    const [box, required] = [boxes[name], format.required.includes(name)];
    if (before.nextElementSibling !== box && !box.contains(document.activeElement)) before.after(box);
    before = box;
    box.querySelector("[data-label]").textContent = format.labels[name];
    const optional = box.querySelector("[data-optional]");
    if (optional) optional.hidden = required;
    if ("requires" in fieldset.dataset) input(name).required = required;
    box.hidden = !format.fields.includes(name) && !input(name).value;
  }
}

/* In the rows of a customer's page the fields stay where they are: they are called as the country calls them. */
async function rename(country) {
  const format = (await formatsFrom(document.querySelector("[data-address-names]").dataset.addressNames))[country.value];
  for (const name of format ? TOWN : []) {
    const input = document.getElementById(country.id.replace(/country$/, name));
    document.querySelector(`label[for="${input.id}"]`).textContent = format.labels[name];
    input.closest(`.field-${name}`).hidden = !format.fields.includes(name) && !input.value;
  }
}

const rows = document.querySelector("[data-address-names]")?.closest("#addresses-group");
rows?.querySelectorAll("select[name$=-country]").forEach(rename);
rows?.addEventListener("change", ({ target }) => target.name.endsWith("-country") && rename(target));

document.addEventListener("change", ({ target }) => {
  const fieldset = target.closest("[data-address-fields]");
  if (fieldset && target.name.endsWith("country")) arrange(fieldset);
});
document.querySelectorAll("[data-address-fields]").forEach(arrange);
