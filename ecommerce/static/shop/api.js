/* The public API, as any shop asks it. Nothing here is particular to this storefront. */

const SDK = "/api/v1/sdk";
const TOKENS = "shop-tokens";

/* A refusal of the API: `code` is stable, `message` is for people, `data` holds the order that was kept, if one was. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.error.message);
    Object.assign(this, { status, data: body.data, ...body.error });
  }
}

/* No answer, or none that tells whether it was done. The same request may be sent again, under the same key. */
export class Unanswered extends Error {}

const read = () => JSON.parse(localStorage.getItem(TOKENS) || "null");
export const signedIn = () => read() !== null;
export const whose = () => read()?.customer;

function keep(tokens) {
  // A refresh does not say again whose tokens they are.
  const customer = tokens?.id ?? whose();
  if (tokens) localStorage.setItem(TOKENS, JSON.stringify({ auth: tokens.auth_token, refresh: tokens.refresh_token, customer }));
  else localStorage.removeItem(TOKENS);
  document.dispatchEvent(new Event("signed"));
}

async function send(method, path, body, headers) {
  const token = read()?.auth;
  const sent = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }), ...headers };
  let response;
  let answer;
  try {
    response = await fetch(SDK + path, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) });
    answer = await response.json();
  } catch {
    throw new Unanswered("The shop can't be reached. Check the connection, then try again.");
  }
  if (response.status >= 500 && answer.error?.code !== "payments_unavailable") throw new Unanswered(answer.error.message);
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

/* A token is good for an hour; then the refresh token gives new ones, once. Tabs take turns, or one would spend the
   other's. */
async function refreshed(spent) {
  const renew = async () => {
    const now = read();
    if (!now) return false;
    if (now.auth !== spent) return true;
    try {
      keep((await send("POST", "/auth/refresh", { refresh_token: now.refresh })).data);
      return true;
    } catch (error) {
      if (error instanceof Unanswered) throw error;
      keep(null);
      return false;
    }
  };
  return navigator.locks ? navigator.locks.request(TOKENS, renew) : renew();
}

async function ask(method, path, body, headers) {
  const token = read()?.auth;
  try {
    return await send(method, path, body, headers);
  } catch (error) {
    if (error.status !== 401 || !token || !(await refreshed(token))) throw error;
    return send(method, path, body, headers);
  }
}

export const register = async (account) => keep((await send("POST", "/auth/register", account)).data);
export const login = async (credentials) => keep((await send("POST", "/auth/login", credentials)).data);
export const forgotPassword = (email) => send("POST", "/auth/password/forgot", { email });
export const resetPassword = (key, password) => send("POST", "/auth/password/reset", { key, password });
export const verifyEmail = (key) => send("POST", "/auth/email/verify", { key });
export const resendEmail = () => ask("POST", "/auth/email/resend");

export async function logout() {
  try {
    await ask("POST", "/auth/logout");
  } finally {
    keep(null);
  }
}

export const products = async () => (await send("GET", "/ecommerce/products")).data;
export const summary = async (basket) => (await ask("POST", "/ecommerce/order-summary", basket)).data;
export const customer = async () => (await ask("GET", "/customer")).data;
export const addAddress = async (address) => (await ask("POST", "/customer/addresses", address)).data;
export const removeSource = async (id) => (await ask("DELETE", `/customer/sources/${id}`)).data;
export const chooseSource = async (id) => (await ask("POST", `/customer/sources/${id}/default`)).data;
export const orders = (after = "") => ask("GET", `/ecommerce/orders?limit=20&starting_after=${encodeURIComponent(after)}`);
export const order = async (number) => (await ask("GET", `/ecommerce/orders/${encodeURIComponent(number)}`)).data.order;

/* An order that was kept but not paid is no error to the one who shows it: `payment_status` says how it stands. */
async function kept(asking) {
  try {
    return (await asking).data.order;
  } catch (error) {
    if (error.data?.order) return error.data.order;
    throw error;
  }
}

export const createOrder = (body, key) => kept(ask("POST", "/ecommerce/order", body, { "Idempotency-Key": key }));
export const payOrder = (number, means) => kept(ask("POST", `/ecommerce/orders/${encodeURIComponent(number)}/pay`, means));
export const confirmOrder = (number) => kept(ask("POST", `/ecommerce/orders/${encodeURIComponent(number)}/confirm`));
