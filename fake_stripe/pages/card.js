/* The card field: formats and checks what is typed, and turns it into a payment method without showing it to the page. */
"use strict";

const form = document.getElementById("card");
const { cardnumber: number, "exp-date": expiry, cvc } = form.elements;
const inputs = [number, expiry, cvc];
const brandMark = form.querySelector(".brand");
const errorText = document.getElementById("error");
const touched = new Set();

const BRANDS = [
  { name: "amex", mark: "AMEX", starts: /^3[47]/, lengths: [15], groups: [4, 6, 5], cvc: 4 },
  { name: "diners", mark: "DC", starts: /^3(0[0-5]|[689])/, lengths: [14, 16], groups: [4, 6, 4], cvc: 3 },
  { name: "mastercard", mark: "MC", starts: /^(5[1-5]|2(22[1-9]|2[3-9]|[3-6]|7[01]|720))/, lengths: [16], cvc: 3 },
  { name: "discover", mark: "DISC", starts: /^6(011|4[4-9]|5)/, lengths: [16], cvc: 3 },
  { name: "unionpay", mark: "UP", starts: /^62/, lengths: [16, 17, 18, 19], cvc: 3 },
  { name: "jcb", mark: "JCB", starts: /^35/, lengths: [16], cvc: 3 },
  { name: "visa", mark: "VISA", starts: /^4/, lengths: [16], cvc: 3 },
];
const UNKNOWN = { name: "unknown", mark: "", lengths: [16], cvc: 3 };

const digits = (input) => input.value.replace(/\D/g, "");
const brandOf = (value) => BRANDS.find((brand) => brand.starts.test(value)) || UNKNOWN;
const brand = () => brandOf(digits(number));

function luhn(value) {
  let sum = 0;
  [...value].reverse().forEach((digit, place) => {
    const doubled = place % 2 ? 2 * digit : Number(digit);
    sum += doubled > 9 ? doubled - 9 : doubled;
  });
  return sum % 10 === 0;
}

const failure = (code, message) => ({ type: "validation_error", code, message });

function numberError() {
  const value = digits(number);
  if (value.length < Math.min(...brand().lengths)) return failure("incomplete_number", "Your card number is incomplete.");
  if (!luhn(value)) return failure("invalid_number", "Your card number is invalid.");
  return null;
}

function expiryError(now = new Date()) {
  const value = digits(expiry);
  const month = Number(value.slice(0, 2));
  const year = 2000 + Number(value.slice(2, 4));
  if (value.length < 4) return failure("incomplete_expiry", "Your card's expiration date is incomplete.");
  if (month < 1 || month > 12) return failure("invalid_expiry_month", "Your card's expiration month is invalid.");
  if (year < now.getFullYear()) return failure("invalid_expiry_year_past", "Your card's expiration year is in the past.");
  if (year === now.getFullYear() && month <= now.getMonth()) return failure("invalid_expiry_month_past", "Your card's expiration date is in the past.");
  if (year > now.getFullYear() + 50) return failure("invalid_expiry_year", "Your card's expiration year is invalid.");
  return null;
}

function cvcError() {
  return digits(cvc).length < brand().cvc ? failure("incomplete_cvc", "Your card's security code is incomplete.") : null;
}

const checks = new Map([[number, numberError], [expiry, expiryError], [cvc, cvcError]]);
const incomplete = (error) => error.code.startsWith("incomplete");

/* An unfinished field is an error only once it was left; a wrong one at once. */
function shownError(input) {
  const error = checks.get(input)();
  if (!error || (incomplete(error) && (!touched.has(input) || !input.value))) return null;
  return error;
}

function group(value, sizes) {
  const parts = [];
  for (const size of sizes) {
    if (value) parts.push(value.slice(0, size));
    value = value.slice(size);
  }
  return parts.join(" ") + (value ? ` ${value}` : "");
}

const formats = new Map([
  [number, (value) => group(value.slice(0, Math.max(...brandOf(value).lengths)), brandOf(value).groups || [4, 4, 4, 4, 3])],
  [expiry, (value, deleting) => {
    if (/^[2-9]/.test(value)) value = `0${value}`;
    const rest = value.slice(2, 4);
    return value.length < 2 || (value.length === 2 && deleting) ? value : `${value.slice(0, 2)} / ${rest}`;
  }],
  [cvc, (value) => value.slice(0, brand().cvc)],
]);

/* Puts the typed digits into their form, and the cursor back behind the digit it stood behind. */
function reformat(input, deleting) {
  const before = input.value.slice(0, input.selectionStart).replace(/\D/g, "").length;
  const atEnd = input.selectionStart === input.value.length;
  const typed = input === expiry ? shortYear(input.value) : digits(input);
  input.value = formats.get(input)(typed, deleting);
  let place = 0;
  for (let seen = 0; place < input.value.length && seen < before; place++) if (/\d/.test(input.value[place])) seen++;
  if (atEnd) place = input.value.length;
  if (document.activeElement === input) input.setSelectionRange(place, place);
}

/* Autofill writes 12/2034. */
const shortYear = (value) => value.replace(/^\s*(\d{1,2})\s*[/-]\s*20(\d{2})\s*$/, (_, month, year) => month.padStart(2, "0") + year).replace(/\D/g, "");

function refresh() {
  let first = null;
  for (const input of inputs) {
    const error = shownError(input);
    input.classList.toggle("invalid", Boolean(error));
    input.setAttribute("aria-invalid", String(Boolean(error)));
    first = first || error;
  }
  const { mark, cvc: length } = brand();
  brandMark.textContent = mark;
  cvc.maxLength = length;
  errorText.textContent = first ? first.message : "";
  const empty = inputs.every((input) => !input.value);
  const complete = inputs.every((input) => !checks.get(input)());
  announce({ empty, complete, error: first || undefined, brand: brand().name, value: { postalCode: "" } });
  size();
}

let announced = JSON.stringify({ empty: true, complete: false, brand: "unknown", value: { postalCode: "" } });
function announce(change) {
  const told = JSON.stringify(change);
  if (told === announced) return;
  announced = told;
  tell("change", { change });
}

function size() {
  tell("size", { height: Math.ceil(form.getBoundingClientRect().height) });
}

function advance(input) {
  const next = inputs[inputs.indexOf(input) + 1];
  const full = input === number ? digits(number).length === Math.max(...brand().lengths) : true;
  if (next && full && !checks.get(input)() && input.selectionStart === input.value.length) next.focus();
}

for (const input of inputs) {
  input.addEventListener("input", (event) => {
    reformat(input, event.inputType?.startsWith("delete"));
    if (input === number) reformat(cvc);
    refresh();
    if (document.activeElement === input && !event.inputType?.startsWith("delete")) advance(input);
  });
  input.addEventListener("focus", () => tell("focus"));
  input.addEventListener("blur", () => {
    touched.add(input);
    refresh();
    setTimeout(() => !document.hasFocus() || document.activeElement === document.body ? tell("blur") : null);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tell("escape");
    if (event.key !== "Backspace" || input.value) return;
    const previous = inputs[inputs.indexOf(input) - 1];
    if (previous) {
      event.preventDefault();
      previous.focus();
    }
  });
}

/* Enter submits the form around the frame, as it does in a field of its own. */
form.addEventListener("submit", (event) => {
  event.preventDefault();
  tell("enter");
});
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  tell("enter");
});

function dress(options) {
  const { style = {}, appearance = {}, disabled = false, hideIcon = false, showIcon } = options || {};
  const root = document.documentElement.style;
  const { base = {}, invalid = {} } = style;
  const dark = appearance.theme === "night";
  const variables = appearance.variables || {};
  const color = base.color || variables.colorText || (dark && "#f5f5f7");
  set(root, "--color", color);
  set(root, "--placeholder", base["::placeholder"]?.color || variables.colorTextPlaceholder || (dark && "#8b90a0"));
  set(root, "--icon", base.iconColor || variables.colorPrimary || color);
  set(root, "--invalid", invalid.color || variables.colorDanger || (bright(color) && "#ff8fa3"));
  set(root, "--surface", variables.colorBackground || (dark ? "#24262d" : "#fff"));
  set(root, "--border", dark ? "#4a4f5c" : "#d5dae3");
  for (const name of ["fontFamily", "fontSize", "fontWeight", "fontStyle", "letterSpacing", "textTransform"]) {
    const css = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    set(document.body.style, css, base[name] || (name === "fontFamily" && variables.fontFamily));
  }
  for (const input of inputs) input.disabled = disabled;
  brandMark.classList.toggle("hidden", hideIcon || showIcon === false);
  size();
}

/* Says whether a colour is one for text on something dark. */
function bright(color) {
  document.body.style.color = color || "";
  const [red, green, blue] = getComputedStyle(document.body).color.match(/[\d.]+/g).map(Number);
  return 0.3 * red + 0.59 * green + 0.11 * blue > 150;
}

const set = (style, name, value) => (value ? style.setProperty(name, value) : style.removeProperty(name));

function firstError() {
  for (const input of inputs) touched.add(input);
  refresh();
  for (const input of inputs) {
    const error = checks.get(input)();
    if (error) {
      input.classList.add("invalid");
      input.setAttribute("aria-invalid", "true");
      errorText.textContent = error.message;
      announce({ empty: inputs.every((one) => !one.value), complete: false, error, brand: brand().name, value: { postalCode: "" } });
      size();
      return error;
    }
  }
  return null;
}

const typed = () => ({
  number: digits(number),
  exp_month: digits(expiry).slice(0, 2),
  exp_year: `20${digits(expiry).slice(2, 4)}`,
  cvc: digits(cvc),
});

hear({
  clear() {
    for (const input of inputs) input.value = "";
    touched.clear();
    refresh();
  },
  focus: () => (inputs.find((input) => checks.get(input)()) || number).focus(),
  blur: () => document.activeElement.blur(),
  update: ({ options }) => dress(options),
  submit() {
    const error = firstError();
    return error ? { error } : { selectedPaymentMethod: "card" };
  },
  async createPaymentMethod({ params }) {
    const invalid = firstError();
    if (invalid) return { error: invalid };
    const { object, error } = await call("POST", "payment_methods", { ...params, card: typed() });
    return error ? { error } : { paymentMethod: object };
  },
  async createToken({ params }) {
    const invalid = firstError();
    if (invalid) return { error: invalid };
    const { object, error } = await call("POST", "tokens", { card: { ...typed(), ...params } });
    return error ? { error } : { token: object };
  },
});

document.body.className = setup.type === "payment" ? "boxed" : "inline";
dress(setup.options);
new ResizeObserver(size).observe(form);
tell("ready");
