/* The theme hides the page until its script has run, and the browser focuses nothing that is hidden. */
document.addEventListener("alpine:initialized", () => setTimeout(() => document.querySelector("[autofocus]")?.focus()));
