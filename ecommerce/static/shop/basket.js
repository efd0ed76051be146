/* The basket: kept in the browser until it is ordered. */

export const BASKET = "shop-basket";
const PENDING = "shop-pending";

const read = () => JSON.parse(localStorage.getItem(BASKET) || '{"items":{},"coupon":""}');

function write(basket) {
  localStorage.setItem(BASKET, JSON.stringify(basket));
  document.dispatchEvent(new Event("basket"));
}

export const count = () => Object.values(read().items).reduce((sum, quantity) => sum + quantity, 0);
export const isEmpty = () => count() === 0;
export const quantities = () => new Map(Object.entries(read().items).map(([id, quantity]) => [Number(id), quantity]));
export const coupon = () => read().coupon;

export function set(sku, quantity) {
  const basket = read();
  if (quantity > 0) basket.items[sku] = Math.min(quantity, 999);
  else delete basket.items[sku];
  write(basket);
}

export const add = (sku) => set(sku, (quantities().get(sku) || 0) + 1);
export const useCoupon = (code) => write({ ...read(), coupon: code });
export const clear = () => write({ items: {}, coupon: "" });

/* The basket as the API takes it. */
export const asked = () => ({
  items: [...quantities()].map(([sku_id, quantity]) => ({ sku_id, quantity })),
  coupon_code: coupon() || null,
});

/* An order is written down with its key before it is sent. Where no answer comes, the very same is sent again: the key
   makes sure that it becomes one order, however often it is sent; but never as somebody else's. */
export function pending(whose) {
  const attempt = JSON.parse(localStorage.getItem(PENDING) || "null");
  return attempt?.whose === whose ? attempt : null;
}

export const settle = () => localStorage.removeItem(PENDING);

export function begin(body, whose) {
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const attempt = { key, body, whose };
  localStorage.setItem(PENDING, JSON.stringify(attempt));
  return attempt;
}
