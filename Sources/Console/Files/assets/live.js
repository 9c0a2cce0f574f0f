import { send } from "./api.js";

/// What changes, as it changes: server-sent events (WHATWG HTML §9.2), read with fetch since an EventSource cannot
/// carry a token.

/// The server says something at least every 15 seconds; a connection that is silent for longer is dead.
const silence = 40_000;
/// The server takes its first look after the connection is there; milliseconds.
const settling = 400;
const backoff = { first: 500, greatest: 30_000 };

/// One feed. `onEvent(name, data)`; `onState(state, seconds)` with "connecting", "live", "reconnecting" or "refused";
/// `onOpen()` a little after each connection: what was read before may have changed before anybody was told.
export class LiveFeed {
  #path;
  #handlers;
  #stop = new AbortController();
  #wake = null;
  #opened = null;

  constructor(path, handlers) {
    this.#path = path;
    this.#handlers = handlers;
    this.#run();
  }

  close() {
    this.#stop.abort();
    clearTimeout(this.#opened);
    window.removeEventListener("online", this.#hurry);
  }

  #hurry = () => this.#wake?.();

  async #run() {
    window.addEventListener("online", this.#hurry);
    let failures = 0;
    this.#say("connecting");
    while (!this.#stop.signal.aborted) {
      let began = null;
      try {
        await this.#listen(() => {
          began = performance.now();
          this.#say("live");
          clearTimeout(this.#opened);
          this.#opened = setTimeout(() => this.#handlers.onOpen?.(), settling);
        });
      } catch (problem) {
        if (this.#stop.signal.aborted) return;
        if ([401, 403, 404].includes(problem.status)) return this.#say("refused");
      }
      if (this.#stop.signal.aborted) return;
      // One that stood for a while was good: the next try is an early one.
      if (began !== null && performance.now() - began > 5_000) failures = 0;
      failures += 1;
      const wait = Math.min(backoff.greatest, backoff.first * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
      this.#say("reconnecting", Math.ceil(wait / 1000));
      await this.#pause(wait);
    }
  }

  #say(state, seconds) {
    if (!this.#stop.signal.aborted) this.#handlers.onState?.(state, seconds);
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#wake = end;
      this.#stop.signal.addEventListener("abort", end, { once: true });
    });
  }

  async #listen(onOpen) {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    this.#stop.signal.addEventListener("abort", end, { once: true });
    let watchdog = setTimeout(end, silence);
    try {
      const response = await send("GET", this.#path, { accept: "text/event-stream", isLong: true, signal: attempt.signal });
      onOpen();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventParser((name, data) => this.#handlers.onEvent?.(name, data));
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(end, silence);
        parser.take(value);
      }
    } finally {
      clearTimeout(watchdog);
      this.#stop.signal.removeEventListener("abort", end);
      attempt.abort();
    }
  }
}

/// Cuts a stream of text into events. A field's value of more than a megabyte ends the connection.
export class EventParser {
  #rest = "";
  #name = "";
  #data = [];
  #emit;

  constructor(emit) {
    this.#emit = emit;
  }

  take(text) {
    this.#rest += text;
    if (this.#rest.length > 1 << 20 && !/[\r\n]/.test(this.#rest)) throw new Error("a line has no end");
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  #line(line) {
    if (line === "") {
      if (this.#data.length > 0) this.#emit(this.#name || "message", this.#data.join("\n"));
      this.#name = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    if (field === "data") this.#data.push(value);
  }
}
