import { pill } from "../components/pill.js";
import { growing, until } from "../components/time.js";
import { h, fill } from "../element.js";
import { clock, duration, plural } from "../format.js";
import { axis } from "./saga-axis.js";
import { attemptStates, isFault, isOver, moment, reason, wordsOf } from "./saga-words.js";

/// Every attempt at every step: a bar on one axis of time for each, and beneath it what came of it.
///
/// Many equal failures in a row are one line that opens, and waits are drawn shorter than they were unless "to scale" is
/// asked for: so one look shows the order of things, whether a step took 3 ms or waited for an hour.
export class SagaTimeline {
  #saga = null;
  #isLinear = false;
  #onlyFaults = false;
  #open = new Set();
  /// Pixels; 0 until it is shown.
  #width = 0;
  #body = h("ol.steps");
  #note = h("span.muted.note", {}, "long stretches are drawn shorter");
  #scale = h("div.scale", { "aria-hidden": "true" });

  constructor() {
    const linear = check("To scale", () => {
      this.#isLinear = linear.input.checked;
      this.#note.hidden = this.#isLinear;
      this.#draw();
    });
    const faults = check("Only failures", () => {
      this.#onlyFaults = faults.input.checked;
      this.#draw();
    });
    this.element = h("section.timeline", { "aria-labelledby": "timeline-title" },
      h("div.section-head", {}, h("h2", { id: "timeline-title" }, "Timeline"), this.#note,
        h("div.spring"), faults.element, linear.element),
      this.#scale, this.#body);
    // How many ticks there is room for is known once there is a place for them.
    new ResizeObserver(([entry]) => {
      if (Math.abs(entry.contentRect.width - this.#width) < 40) return;
      this.#width = entry.contentRect.width;
      if (this.#saga) this.#draw();
    }).observe(this.#scale);
  }

  update(saga) {
    this.#saga = { ...saga, steps: saga.steps ?? [] };
    this.#draw();
  }

  #draw() {
    const saga = this.#saga;
    const attempts = saga.steps.map((step) => {
      const start = moment(step.started_at);
      const isRunning = !step.ended_at;
      return { ...step, start, end: start + Math.max(step.duration_ms, 0), isRunning, fault: isFault(step.state) };
    });
    if (attempts.length === 0) {
      fill(this.#scale);
      fill(this.#body, h("li.muted", {}, "No step was begun yet."));
      return;
    }
    const origin = moment(saga.started_at);
    const time = axis(attempts, origin, isOver(saga) ? moment(saga.ended_at) : null, {
      isLinear: this.#isLinear, room: 8_000 / (this.#width || 900),
    });
    fill(this.#scale, time.ticks.map(({ at, label, edge }) => h(`span.tick.${edge}`, { vars: { "--at": `${at}%` } }, label)));
    const groups = grouped(attempts);
    let isUndoing = false;
    const lists = this.#onlyFaults ? groups.filter((group) => group.attempts.some((attempt) => attempt.fault)) : groups;
    if (lists.length === 0) return void fill(this.#body, h("li.muted", {}, "Nothing failed."));
    fill(this.#body, lists.map((group) => {
      const heading = group.kind === "compensation" && !isUndoing
        ? h("li.turn", {}, "Undoing", reason(saga) ? [": ", h("span.cause", {}, reason(saga))] : null) : null;
      isUndoing ||= group.kind === "compensation";
      return [heading, this.#group(group, time, origin)];
    }));
  }

  #group(group, time, origin) {
    const { attempts } = group;
    const last = attempts.at(-1);
    const isNext = !isOver(this.#saga) && this.#saga.step === group.name && this.#saga.kind === group.kind && !last.isRunning;
    const faults = attempts.filter((attempt) => attempt.fault).length;
    const shown = this.#onlyFaults ? attempts.filter((attempt) => attempt.fault) : attempts;
    return h("li.step", { class: last.state },
      h("div.step-head", {},
        h("h3", {}, group.kind === "compensation" ? h("span.muted", {}, "undo ") : null, group.name),
        pill(wordsOf(attemptStates, last.state)),
        attempts.length === 1 ? [length(last), place(last, undefined, origin)]
          : h("span.muted", {}, plural(attempts.length, "attempt"),
            faults === attempts.length ? ", none succeeded" : faults > 0 ? ` · ${faults} without success` : "")),
      h("div.track", { "aria-hidden": "true" }, attempts.map((attempt, index) => [
        index > 0 ? gap(attempts[index - 1], attempt.start, time) : null, bar(attempt, time),
      ]), isNext ? gap(last, Date.now(), time) : null),
      attempts.length === 1 ? (last.error ? h("p.cause", {}, last.error) : null)
        : h("ol.attempts", {}, folded(shown).map((run) =>
        run.length < 3 ? run.map((attempt) => line(attempt, attempts, origin)) : this.#fold(group, run, attempts, origin))),
      isNext && this.#saga.next_attempt_at
        ? h("p.next-attempt.muted", {}, last.state === "waiting" ? "Looked at again " : "Next attempt ",
          until(new Date(this.#saga.next_attempt_at))) : null);
  }

  #fold(group, run, attempts, origin) {
    const key = `${group.kind} ${group.name} ${run[0].attempt}`;
    const [first, last] = [run[0], run.at(-1)];
    return h("li.run", {}, h("details", { open: this.#open.has(key), ontoggle: (event) => {
      if (event.target.open) this.#open.add(key);
      else this.#open.delete(key);
    } },
    h("summary", {}, h("span.attempt-number", {}, `${first.attempt}–${last.attempt}`),
      pill(wordsOf(attemptStates, first.state)),
      h("span.muted", {}, `${run.length} times alike, over ${duration(last.end - first.start)}`),
      first.error ? cause(first.error) : null),
    h("ol.attempts", {}, run.map((attempt) => line(attempt, attempts, origin, { known: first })))));
  }
}

function check(label, onChange) {
  const input = h("input", { type: "checkbox", onchange: onChange });
  return { input, element: h("label.check", {}, input, label) };
}

/// Attempts at the same thing belong together, in the order in which each thing was begun.
function grouped(attempts) {
  const groups = new Map();
  for (const attempt of attempts) {
    const key = `${attempt.kind} ${attempt.name}`;
    if (!groups.has(key)) groups.set(key, { name: attempt.name, kind: attempt.kind, attempts: [] });
    groups.get(key).attempts.push(attempt);
  }
  return [...groups.values()];
}

/// Runs of attempts that ended alike: in one state, with errors that begin in the same way (what follows are often ids and
/// times).
function folded(attempts) {
  const runs = [];
  for (const attempt of attempts) {
    const run = runs.at(-1);
    if (run && run[0].state === attempt.state && beginning(run[0]) === beginning(attempt)) run.push(attempt);
    else runs.push([attempt]);
  }
  return runs;
}

const beginning = (attempt) => attempt.error?.slice(0, 60);

/// - Parameter known: the attempt whose state and error stand above already.
function line(attempt, all, origin, { known = null } = {}) {
  return h("li.attempt", {},
    h("span.attempt-number", {}, h("span.hidden", {}, "Attempt "), attempt.attempt),
    known ? null : pill(wordsOf(attemptStates, attempt.state)),
    length(attempt), place(attempt, all[all.indexOf(attempt) - 1], origin),
    attempt.error && attempt.error !== known?.error ? cause(attempt.error) : null);
}

/// A long one has lines of its own.
function cause(error) {
  return h("span.cause", { class: error.length > 110 ? "long" : "" }, error);
}

function length(attempt) {
  return h("span.number", {}, attempt.isRunning ? growing(attempt.duration_ms) : duration(attempt.duration_ms));
}

/// When it began, and how long after the one before.
function place(attempt, before, origin) {
  const pause = before ? attempt.start - before.end : 0;
  return h("span.muted", { title: clock(new Date(attempt.start)) }, `at +${duration(attempt.start - origin)}`,
    pause >= 1 ? `, ${before.state === "waiting" ? "woken" : "again"} after ${duration(pause)}` : "");
}

function bar(attempt, time) {
  const [from, to] = [time.at(attempt.start), time.at(attempt.isRunning ? Infinity : attempt.end)];
  const words = wordsOf(attemptStates, attempt.state);
  return h(`div.bar.${words.tone}`, {
    title: `Attempt ${attempt.attempt}: ${words.label.toLowerCase()}, ${duration(attempt.duration_ms)}`,
    vars: { "--from": `${from}%`, "--width": `${Math.max(0, to - from)}%` },
  });
}

/// Between two attempts: a wait for an event, or a pause after a failure.
function gap(before, end, time) {
  const [from, to] = [time.at(before.end), time.at(end)];
  if (to - from <= 0) return null;
  return h(`div.gap.${before.state === "waiting" ? "wait" : "pause"}`, {
    vars: { "--from": `${from}%`, "--width": `${to - from}%` },
  });
}
