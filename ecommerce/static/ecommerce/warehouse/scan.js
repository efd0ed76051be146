/* Scan to pack. Every scan is the form's own post, so that it works without this script: here it is sent without a new
   page, one after the other however fast they come, with a sound, and the camera types what it sees. */
(() => {
  let audio;
  const TONES = { good: [[880, 0.09, "sine"]], done: [[660, 0.12, "sine"], [990, 0.2, "sine"]], stop: [[196, 0.35, "square"], [147, 0.6, "square"]] };

  // A browser lets a page sound only once a key was pressed or something clicked: a scan is such a key.
  function sound(name) {
    if (!TONES[name]) return;
    audio ??= new AudioContext();
    audio.resume();
    let at = audio.currentTime;
    for (const [pitch, seconds, type] of TONES[name]) {
      const tone = audio.createOscillator(), loudness = audio.createGain();
      tone.type = type;
      tone.frequency.value = pitch;
      loudness.gain.setValueAtTime(name === "stop" ? 0.6 : 0.25, at);
      tone.connect(loudness).connect(audio.destination);
      tone.start(at);
      at += seconds;
      tone.stop(at);
    }
    if (name === "stop") navigator.vibrate?.([200, 100, 400]);
  }

  const holder = () => document.getElementById("packing");
  const field = () => document.querySelector("#packing [autofocus], .wh-scan [autofocus]");
  let last = Promise.resolve();

  async function send(address, data) {
    let response;
    try {
      response = await fetch(address, { method: "POST", body: data, headers: { "X-Fragment": "packing" } });
    } catch {
      location.reload();
      return;
    }
    const next = response.headers.get("X-Location");
    if (next) { location.assign(next); return; }
    const page = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("packing");
    if (!page) { location.reload(); return; }
    const camera = document.querySelector("[data-camera]");
    // The next scan may be half typed already.
    const code = (element) => element.querySelector("input.wh-code[name=code]");
    if (code(holder()) && code(page)) code(page).value = code(holder()).value;
    holder().replaceWith(page);
    // A camera that runs stays.
    if (camera?.dataset.running) page.querySelector("[data-camera]")?.replaceWith(camera);
    shown();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!holder()?.contains(form)) return;
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    const code = form.querySelector("input.wh-code[name=code]");
    if (code) code.value = "";
    last = last.then(() => send(form.action, data));
  });

  document.addEventListener("keydown", (event) => {
    const alarm = document.querySelector("[data-alarm]");
    if (!alarm) return;
    if (event.key === "Escape") alarm.querySelector("button").click();
    // What is scanned meanwhile ends with Enter, which must not press the button.
    if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); sound("stop"); }
  }, true);

  function shown() {
    const page = document.querySelector(".wh-scan");
    sound(page?.dataset.sound);
    field()?.focus();
    document.querySelector("[data-alarm]")?.scrollIntoView({ block: "center" });
    offerCamera();
  }

  // The camera.
  let stream, seen = "", seenAt = 0;

  function offerCamera() {
    const camera = document.querySelector("[data-camera]:not([data-running])");
    if (!camera) return;
    const can = "BarcodeDetector" in window && navigator.mediaDevices?.getUserMedia;
    camera.querySelector(can ? "[data-camera-start]" : "[data-camera-missing]").hidden = false;
  }

  async function watch(camera) {
    const picture = camera.querySelector("video");
    try {
      stream ??= await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      camera.querySelector("[data-camera-refused]").hidden = false;
      return;
    }
    camera.dataset.running = "1";
    camera.querySelector("[data-camera-start]").hidden = true;
    picture.srcObject = stream;
    picture.hidden = false;
    await picture.play();
    const detector = new BarcodeDetector();
    while (camera.dataset.running) {
      const found = camera.isConnected ? await detector.detect(picture).catch(() => []) : [];
      if (found.length) type(found[0].rawValue);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }

  // The same code before the camera for a while is one scan.
  function type(code) {
    const now = Date.now(), again = code === seen && now - seenAt < 1500;
    [seen, seenAt] = [code, now];
    const target = field();
    if (again || !target?.matches(".wh-code") || document.querySelector("[data-alarm]")) return;
    target.value = code;
    target.form.requestSubmit();
  }

  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("[data-camera-start]")) watch(target.closest("[data-camera]"));
  });

  document.addEventListener("DOMContentLoaded", () => {
    shown();
    // The printer's dialog waits for whoever sent the order; with a printer set up for it, the slip comes by itself.
    if (document.querySelector("[data-print-now]") && !sessionStorage.getItem(location.href)) {
      sessionStorage.setItem(location.href, "printed");
      window.print();
    }
  });
})();
