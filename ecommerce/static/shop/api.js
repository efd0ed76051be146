/* A client of the public API. Nothing here is particular to this storefront. */

const SDK = "/api/v1/sdk";
const TOKENS = "shop-tokens";
const DEVICE = "shop-device";  // kept over a sign-out: on a known device nobody else can lock an account out

/* An error response: `code` is stable, `message` is for people, `data` holds the order, where one was kept. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body.error.message);
    Object.assign(this, { status, data: body.data, ...body.error });
  }
}

/* No response, or none that tells whether the request took effect. It may be sent again with the same key. */
export class NoResponseError extends Error {}

const readTokens = () => JSON.parse(localStorage.getItem(TOKENS) || "null");
export const signedIn = () => readTokens() !== null;
export const customerId = () => readTokens()?.customer;

function storeTokens(tokens) {
  // The response to a refresh does not name the customer.
  const customer = tokens?.id ?? customerId();
  if (tokens) localStorage.setItem(TOKENS, JSON.stringify({ auth: tokens.auth_token, refresh: tokens.refresh_token, customer }));
  else localStorage.removeItem(TOKENS);
  document.dispatchEvent(new Event("tokens-changed"));
}

function signInTo(account) {
  localStorage.setItem(DEVICE, account.device_token);
  storeTokens(account);
}

async function request(method, path, body, headers, token = readTokens()?.auth) {
  const allHeaders = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }), ...headers };
  let response;
  let data;
  try {
    response = await fetch(SDK + path, { method, headers: allHeaders, body: body === undefined ? undefined : JSON.stringify(body) });
    data = await response.json();
  } catch {
    throw new NoResponseError("The shop can't be reached. Check the connection, then try again.");
  }
  if (response.status >= 500 && data.error?.code !== "payments_unavailable") throw new NoResponseError(data.error.message);
  if (!response.ok) throw new ApiError(response.status, data);
  return data;
}

/* A token expires after an hour; the refresh token gives new ones, once. A lock keeps two tabs from using the same one. */
async function refreshTokens(expired) {
  const renew = async () => {
    const now = readTokens();
    if (!now) return false;
    if (now.auth !== expired) return true;
    try {
      storeTokens((await request("POST", "/auth/refresh", { refresh_token: now.refresh })).data);
      return true;
    } catch (error) {
      if (error instanceof NoResponseError) throw error;
      storeTokens(null);
      return false;
    }
  };
  return navigator.locks ? navigator.locks.request(TOKENS, renew) : renew();
}

async function authorizedRequest(method, path, body, headers) {
  const token = readTokens()?.auth;
  try {
    return await request(method, path, body, headers);
  } catch (error) {
    if (error.status !== 401 || !token || !(await refreshTokens(token))) throw error;
    return request(method, path, body, headers);
  }
}

export const register = async (account) => signInTo((await request("POST", "/auth/register", account)).data);
export const login = async (credentials) => signInTo((await request("POST", "/auth/login", { ...credentials, device_token: localStorage.getItem(DEVICE) || "" })).data);
export const forgotPassword = (email) => request("POST", "/auth/password/forgot", { email });
export const resetPassword = (key, password) => request("POST", "/auth/password/reset", { key, password });
/* With a token that is good now: without one, confirming ends the password. */
export async function verifyEmail(key) {
  if (readTokens()) {
    try {
      await authorizedRequest("GET", "/customer");
    } catch (error) {
      if (error.status !== 401) throw error;
    }
  }
  return request("POST", "/auth/email/verify", { key });
}
export const resendEmail = () => authorizedRequest("POST", "/auth/email/resend");

export async function logout() {
  try {
    await authorizedRequest("POST", "/auth/logout");
  } finally {
    storeTokens(null);
  }
}

export async function deleteAccount(body) {
  const said = (await authorizedRequest("POST", "/customer/delete", body)).data.message;
  storeTokens(null);
  return said;
}

export const products = async () => (await request("GET", "/ecommerce/products")).data;
export const summary = async (basket) => (await authorizedRequest("POST", "/ecommerce/order-summary", basket)).data;
export const customer = async () => (await authorizedRequest("GET", "/customer")).data;
export const addAddress = async (address) => (await authorizedRequest("POST", "/customer/addresses", address)).data;
export const removeAddress = async (id) => (await authorizedRequest("DELETE", `/customer/addresses/${id}`)).data;
export const changePassword = async (body) => storeTokens((await authorizedRequest("POST", "/customer/password", body)).data);
export const changeEmail = async (body) => storeTokens((await authorizedRequest("POST", "/customer/email", body)).data);
export const removeSource = async (id) => (await authorizedRequest("DELETE", `/customer/sources/${id}`)).data;
export const chooseSource = async (id) => (await authorizedRequest("POST", `/customer/sources/${id}/default`)).data;
export const orders = (after = "") => authorizedRequest("GET", `/ecommerce/orders?limit=20&starting_after=${encodeURIComponent(after)}`);
export const order = async (number) => (await authorizedRequest("GET", `/ecommerce/orders/${encodeURIComponent(number)}`)).data.order;

export const reasons = async () => (await request("GET", "/ecommerce/reasons")).data;
export const askToCancel = async (number, body) => (await authorizedRequest("POST", `/ecommerce/orders/${encodeURIComponent(number)}/cancellation`, body)).data;
export const askForReturn = async (number, body) => (await authorizedRequest("POST", `/ecommerce/orders/${encodeURIComponent(number)}/returns`, body)).data.order;
/* A guest names the e-mail of the order, and sends no token. */
export async function withdraw(number, body) {
  const path = `/ecommerce/orders/${encodeURIComponent(number)}/withdraw`;
  const sent = body.email ? request("POST", path, body, {}, "") : authorizedRequest("POST", path, body);
  return (await sent).data.withdrawal;
}

/* A 402 carries its unpaid order; the page shows it by its `payment_status`. */
async function orderFrom(response) {
  try {
    return (await response).data.order;
  } catch (error) {
    if (error.data?.order) return error.data.order;
    throw error;
  }
}

export const createOrder = (body, key) => orderFrom(authorizedRequest("POST", "/ecommerce/order", body, { "Idempotency-Key": key }));
export const payOrder = (number, paymentSource) => orderFrom(authorizedRequest("POST", `/ecommerce/orders/${encodeURIComponent(number)}/pay`, paymentSource));
export const confirmOrder = (number) => orderFrom(authorizedRequest("POST", `/ecommerce/orders/${encodeURIComponent(number)}/confirm`));
