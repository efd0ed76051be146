/* The basket, in localStorage until it is ordered. */

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
  if (quantity > 0) basket.items[sku] = Math.min(quantity, 9999);
  else delete basket.items[sku];
  write(basket);
}

export const add = (sku) => set(sku, (quantities().get(sku) || 0) + 1);
export const useCoupon = (code) => write({ ...read(), coupon: code });
export const clear = () => write({ items: {}, coupon: "" });

/* The body of a request to the API. */
export const toRequest = () => ({
  items: [...quantities()].map(([sku_id, quantity]) => ({ sku_id, quantity })),
  coupon_code: coupon() || null,
});

/* An order is stored with its idempotency key before it is sent. Without a response the same is sent again, and the key
   makes it one order; but only by the same customer. */
export function pendingOrder(customerId) {
  const order = JSON.parse(localStorage.getItem(PENDING) || "null");
  return order?.customerId === customerId ? order : null;
}

export const clearPendingOrder = () => localStorage.removeItem(PENDING);

export function storePendingOrder(body, customerId) {
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const order = { key, body, customerId };
  localStorage.setItem(PENDING, JSON.stringify(order));
  return order;
}
