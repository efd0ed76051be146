/* Shared by all frames: messages to and from the page around them, and API calls with its publishable key. */
"use strict";

const setup = JSON.parse(decodeURIComponent(location.hash.slice(1) || "{}"));

const tell = (kind, content = {}) => window.parent.postMessage({ frame: setup.id, kind, ...content }, "*");

function hear(handlers) {
  window.addEventListener("message", async (event) => {
    const asked = event.data || {};
    if (event.source !== window.parent || asked.frame !== setup.id || !handlers[asked.kind]) return;
    const answer = await handlers[asked.kind](asked);
    if (asked.question) {
      event.source.postMessage({ frame: setup.id, kind: "answer", question: asked.question, answer }, event.origin);
    }
  });
}

function encode(params, prefix = "", into = new URLSearchParams()) {
  for (const [name, value] of Object.entries(params)) {
    const key = prefix ? `${prefix}[${name}]` : name;
    if (value !== null && typeof value === "object") encode(value, key, into);
    else if (value !== null && value !== undefined) into.append(key, value);
  }
  return into;
}

async function call(method, path, params) {
  const encoded = encode(params);
  const get = method === "GET";
  try {
    const answer = await fetch(`/v1/${path}${get ? `?${encoded}` : ""}`, {
      method,
      headers: { Authorization: `Bearer ${setup.key}` },
      body: get ? undefined : encoded,
    });
    const object = await answer.json();
    return object.error ? { error: object.error } : { object };
  } catch {
    return { error: { type: "api_connection_error", message: "We are experiencing issues connecting to our payments provider. Please check your internet connection and try again." } };
  }
}
