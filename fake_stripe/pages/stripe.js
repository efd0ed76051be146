/* Stands in for Stripe.js (https://docs.stripe.com/js): the same calls, answered by the fake Stripe.
 *
 * The card's number is typed into a frame of the fake Stripe's own origin and never reaches the page around it.
 */
(function () {
  "use strict";

  if (window.Stripe) return;
  const ORIGIN = new URL(document.currentScript.src).origin;
  let counter = 0;

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = "IntegrationError";
    }
  }

  /* A frame of the fake Stripe, and the messages to and from it. */
  class Frame {
    constructor(page, name, setup) {
      this.id = `${Date.now()}${++counter}`;
      this.waiting = new Map();
      this.onTold = () => {};
      this.element = document.createElement("iframe");
      this.element.name = `${name}${this.id}`;
      this.element.src = `${ORIGIN}/_sandbox/pages/${page}#${encodeURIComponent(JSON.stringify({ id: this.id, ...setup }))}`;
      this.ready = new Promise((resolve) => (this.resolveReady = resolve));
      this.listen = (event) => this.hear(event);
      window.addEventListener("message", this.listen);
    }

    hear(event) {
      const told = event.data || {};
      if (event.origin !== ORIGIN || event.source !== this.element.contentWindow || told.frame !== this.id) return;
      if (told.kind === "ready") this.resolveReady();
      if (told.kind === "answer") {
        this.waiting.get(told.question)?.(told.answer);
        this.waiting.delete(told.question);
      } else {
        this.onTold(told);
      }
    }

    async tell(kind, content = {}) {
      await this.ready;
      this.element.contentWindow.postMessage({ frame: this.id, kind, ...content }, ORIGIN);
    }

    ask(kind, content = {}) {
      const question = ++counter;
      return new Promise((resolve) => {
        this.waiting.set(question, resolve);
        this.tell(kind, { question, ...content });
      });
    }

    remove() {
      window.removeEventListener("message", this.listen);
      this.element.remove();
    }
  }

  class Element {
    constructor(type, options, key) {
      this.type = type;
      this.options = options || {};
      this.key = key;
      this.handlers = [];
      this.state = { empty: true, complete: false };
    }

    mount(place) {
      const box = typeof place === "string" ? document.querySelector(place) : place;
      if (!box) throw new IntegrationError(`The selector you specified (${place}) applies to no DOM elements.`);
      this.unmount();
      box.textContent = "";
      this.box = box;
      this.frame = new Frame("card.html", "__privateStripeFrame", { key: this.key, type: this.type, options: this.plain() });
      const frame = this.frame.element;
      frame.title = "Secure card payment input frame";
      frame.allow = "payment *";
      frame.setAttribute("scrolling", "no");
      frame.style.cssText =
        "border:0;margin:0;padding:0;width:1px;min-width:100%;display:block;overflow:hidden;height:1.2em;" +
        "background:transparent;color-scheme:light";
      this.frame.onTold = (told) => this.told(told);
      box.classList.add("StripeElement");
      this.mark();
      box.append(frame);
      this.leadFocus();
    }

    plain() {
      return JSON.parse(JSON.stringify(this.options));
    }

    /* A label of the page, or a click beside the frame, leads into the field. */
    leadFocus() {
      const label = this.box.id && document.querySelector(`label[for="${CSS.escape(this.box.id)}"]`);
      this.focusing = () => this.focus();
      this.box.addEventListener("click", this.focusing);
      if (label) label.addEventListener("click", this.focusing);
      this.label = label;
    }

    told(told) {
      if (told.kind === "ready") this.emit("ready", { elementType: this.type });
      // A hidden field measures nothing, and a frame of no height is never drawn, and so never measured, again.
      if (told.kind === "size" && told.height > 0) this.frame.element.style.height = `${told.height}px`;
      if (told.kind === "change") {
        this.state = told.change;
        this.emit("change", { elementType: this.type, ...told.change });
      }
      if (told.kind === "focus" || told.kind === "blur") {
        this.focused = told.kind === "focus";
        this.emit(told.kind, { elementType: this.type });
      }
      if (told.kind === "escape") this.emit("escape", { elementType: this.type });
      if (told.kind === "enter") this.box?.closest("form")?.requestSubmit();
      this.mark();
    }

    mark() {
      const names = { focus: "StripeElement--focus", empty: "StripeElement--empty", complete: "StripeElement--complete", invalid: "StripeElement--invalid", ...this.options.classes };
      const { empty, complete, error } = this.state;
      const now = { focus: this.focused, empty, complete, invalid: Boolean(error) };
      for (const [state, on] of Object.entries(now)) this.box?.classList.toggle(names[state], Boolean(on));
    }

    emit(name, event) {
      for (const [wanted, handler] of [...this.handlers]) if (wanted === name) handler(event);
    }

    on(name, handler) {
      this.handlers.push([name, handler]);
      return this;
    }

    once(name, handler) {
      const once = (event) => {
        this.off(name, once);
        handler(event);
      };
      return this.on(name, once);
    }

    off(name, handler) {
      this.handlers = this.handlers.filter(([wanted, known]) => wanted !== name || (handler && known !== handler));
      return this;
    }

    update(options) {
      this.options = { ...this.options, ...options };
      this.frame?.tell("update", { options: this.plain() });
    }

    clear() {
      this.frame?.tell("clear");
    }

    focus() {
      this.frame?.element.focus();
      this.frame?.tell("focus");
    }

    blur() {
      this.frame?.tell("blur");
    }

    unmount() {
      if (!this.frame) return;
      this.box.removeEventListener("click", this.focusing);
      this.label?.removeEventListener("click", this.focusing);
      this.frame.remove();
      this.frame = null;
      this.focused = false;
      this.state = { empty: true, complete: false };
      this.box.classList.remove("StripeElement", "StripeElement--focus", "StripeElement--empty", "StripeElement--complete", "StripeElement--invalid");
      this.box = null;
    }

    destroy() {
      this.unmount();
      this.handlers = [];
      this.destroyed?.();
    }

    ask(kind, content) {
      if (!this.frame) throw new IntegrationError("We could not retrieve data from the specified Element. Please make sure the Element you are attempting to use is still mounted.");
      return this.frame.ask(kind, content);
    }
  }

  class Elements {
    constructor(options, key) {
      if (options && "paymentMethodTypes" in options) {
        throw new IntegrationError("paymentMethodTypes is no longer supported. Use allowedPaymentMethodTypes instead.");
      }
      this.options = options || {};
      this.key = key;
      this.made = {};
    }

    create(type, options) {
      if (!["card", "payment"].includes(type)) throw new IntegrationError(`The fake Stripe does not simulate the Element ${type}.`);
      if (this.made[type]) throw new IntegrationError(`Can only create one Element of type ${type} through this Elements instance.`);
      const element = new Element(type, { appearance: this.options.appearance, ...options }, this.key);
      element.destroyed = () => delete this.made[type];
      this.made[type] = element;
      return element;
    }

    getElement(type) {
      return this.made[type] || null;
    }

    update(options) {
      Object.assign(this.options, options);
      if (options.appearance) for (const element of Object.values(this.made)) element.update({ appearance: options.appearance });
    }

    async submit() {
      const element = this.made.payment || this.made.card;
      return element.ask("submit");
    }

    async fetchUpdates() {
      return {};
    }
  }

  const idOf = (secret) => String(secret).split("_secret_")[0];
  const kindOf = (secret) => (idOf(secret).startsWith("seti_") ? "setup_intents" : "payment_intents");
  const named = (secret, intent) => (kindOf(secret) === "setup_intents" ? { setupIntent: intent } : { paymentIntent: intent });
  const isElement = (value) => value instanceof Element;

  class StripeClient {
    constructor(key) {
      this.key = key;
    }

    /* Calls of the API go through a hidden frame of the fake Stripe, so that the page's content policy need not allow it. */
    get controller() {
      if (!this.hidden) {
        this.hidden = new Frame("controller.html", "__privateStripeController", { key: this.key });
        this.hidden.element.style.cssText = "display:none!important";
        this.hidden.element.setAttribute("aria-hidden", "true");
        this.hidden.element.tabIndex = -1;
        document.body.append(this.hidden.element);
      }
      return this.hidden;
    }

    call(method, path, params) {
      return this.controller.ask("call", { method, path, params: params || {} });
    }

    elements(options) {
      return new Elements(options, this.key);
    }

    async createPaymentMethod(asked, element, data) {
      if (typeof asked === "string") asked = { type: asked, card: element, ...data };
      const field = asked.elements?.getElement("payment") || asked.elements?.getElement("card") || asked.card;
      const params = { type: "card", ...(asked.params || {}) };
      for (const name of ["billing_details", "metadata"]) if (asked[name]) params[name] = asked[name];
      if (isElement(field)) return field.ask("createPaymentMethod", { params });
      const { object, error } = await this.call("POST", "payment_methods", { ...params, card: field });
      return error ? { error } : { paymentMethod: object };
    }

    async createToken(element, data) {
      return element.ask("createToken", { params: data || {} });
    }

    async retrievePaymentIntent(secret) {
      const { object, error } = await this.call("GET", `${kindOf(secret)}/${idOf(secret)}`, { client_secret: secret });
      return error ? { error } : named(secret, object);
    }

    retrieveSetupIntent(secret) {
      return this.retrievePaymentIntent(secret);
    }

    async confirm(secret, data, { handleActions = true } = {}) {
      const params = { client_secret: secret, use_stripe_sdk: true, ...(await this.method(data)) };
      if (params.error) return { error: params.error };
      const { object, error } = await this.call("POST", `${kindOf(secret)}/${idOf(secret)}/confirm`, params);
      if (error) return { error };
      return handleActions ? this.act(secret, object) : named(secret, object);
    }

    async method(data) {
      const { payment_method: method, ...rest } = data || {};
      if (!method || typeof method === "string") return method ? { ...rest, payment_method: method } : rest;
      const { paymentMethod, error } = await this.createPaymentMethod({ type: "card", ...method });
      return error ? { error } : { ...rest, payment_method: paymentMethod.id };
    }

    confirmCardPayment(secret, data, options) {
      return this.confirm(secret, data, options);
    }

    confirmCardSetup(secret, data, options) {
      return this.confirm(secret, data, options);
    }

    async confirmPayment({ elements, clientSecret, confirmParams = {}, redirect = "always" }) {
      const secret = clientSecret || elements.options.clientSecret;
      const { return_url: returnUrl, payment_method: id, payment_method_data: data, ...rest } = confirmParams;
      const method = id || { elements, billing_details: data?.billing_details };
      const result = await this.confirm(secret, { ...rest, payment_method: method });
      if (!result.error && redirect === "always" && returnUrl) this.leave(returnUrl, secret);
      return result;
    }

    confirmSetup(asked) {
      return this.confirmPayment(asked);
    }

    leave(returnUrl, secret) {
      const url = new URL(returnUrl, location.href);
      const kind = kindOf(secret).slice(0, -1);
      url.searchParams.set(kind, idOf(secret));
      url.searchParams.set(`${kind}_client_secret`, secret);
      url.searchParams.set("redirect_status", "succeeded");
      location.assign(url);
    }

    async handleNextAction({ clientSecret }) {
      const { paymentIntent, setupIntent, error } = await this.retrievePaymentIntent(clientSecret);
      return error ? { error } : this.act(clientSecret, paymentIntent || setupIntent);
    }

    handleCardAction(secret) {
      return this.handleNextAction({ clientSecret: secret });
    }

    async act(secret, intent) {
      if (intent.status !== "requires_action") return named(secret, intent);
      await challenge(secret);
      const { paymentIntent, setupIntent, error } = await this.retrievePaymentIntent(secret);
      const after = paymentIntent || setupIntent;
      const failed = error || (after.status === "requires_payment_method" && (after.last_payment_error || after.last_setup_error));
      return failed ? { error: failed } : named(secret, after);
    }
  }

  /* The bank's page, over everything else. */
  function challenge(secret) {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", "Authenticate your payment");
    dialog.style.cssText = "border:0;padding:0;border-radius:12px;width:min(420px,calc(100vw - 32px));overflow:hidden;box-shadow:0 20px 60px rgba(0,0,0,.35)";
    const frame = document.createElement("iframe");
    frame.name = "stripe-challenge-frame";
    frame.title = "Authenticate your payment";
    frame.style.cssText = "border:0;display:block;width:100%;height:min(420px,calc(100vh - 64px));color-scheme:light";
    frame.src = `${ORIGIN}/_sandbox/3ds/${idOf(secret)}?client_secret=${encodeURIComponent(secret)}&framed=1`;
    dialog.append(frame);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((resolve) => {
      const hear = (event) => {
        if (event.origin !== ORIGIN || event.source !== frame.contentWindow || event.data?.kind !== "authenticated") return;
        window.removeEventListener("message", hear);
        dialog.close();
        dialog.remove();
        resolve();
      };
      window.addEventListener("message", hear);
    });
  }

  window.Stripe = function Stripe(key) {
    if (!/^pk_/.test(key || "")) {
      throw new IntegrationError("You should not use your secret key with Stripe.js. Please pass a publishable key instead.");
    }
    return new StripeClient(key);
  };
  window.Stripe.version = "sandbox";
})();
