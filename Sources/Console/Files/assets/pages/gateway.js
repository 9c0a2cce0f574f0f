import { api } from "../api.js";
import { confirm } from "../components/confirm.js";
import { facts } from "../components/facts.js";
import { icon } from "../components/icons.js";
import { liveBadge } from "../components/live-badge.js";
import { notify } from "../components/notice.js";
import { pill } from "../components/pill.js";
import { failure, loading } from "../components/states.js";
import { table } from "../components/table.js";
import { when } from "../components/time.js";
import { h, fill } from "../element.js";
import { duration, plural } from "../format.js";
import { session } from "../session.js";

/// Between two looks; milliseconds.
const interval = 2_000;
/// Rows of a list that are asked for at most: 20 pages.
const greatest = 2_000;

/// /console/gateway: what the gateway that is asked knows of its routes, its instances and its limits.
export async function open(context) {
  const page = new GatewayPage(context);
  fill(context.main, page.element);
  context.arrived();
  context.signal.addEventListener("abort", () => page.close());
  await page.load();
}

const breakers = {
  closed: { label: "Closed", tone: "good", icon: "check" },
  open: { label: "Open", tone: "bad", icon: "alert" },
  half_open: { label: "Half open", tone: "warn", icon: "refresh" },
};
const healths = {
  up: { label: "Up", tone: "good", icon: "check" },
  down: { label: "Down", tone: "bad", icon: "alert" },
  unasked: { label: "Not asked", tone: "neutral", icon: "clock" },
};
const wordsOf = (words, state) => words[state] ?? { label: state, tone: "neutral", icon: "clock" };
const number = (value) => value.toLocaleString("en");
const latency = (value) => (value === null || value === undefined ? "–" : duration(value));

class GatewayPage {
  #signal;
  #timer = null;
  #isDrawn = false;
  /// Looks so far, and the newest one that is shown: with a slow answer they may overtake one another.
  #looks = 0;
  #shown = 0;
  /// The failure that stands in the content's place.
  #told = null;
  /// Counters of the last look, for rates: { at, gateway, requests: Map }
  #before = null;
  #badge = liveBadge();
  #facts = h("div");
  #refusal = h("div");
  #content = h("div");
  #counts = { routes: h("span.muted"), instances: h("span.muted"), limits: h("span.muted") };

  #routes = table({
    caption: "Routes, with what was asked of them",
    columns: [
      { label: "Route", cell: (row) => [h("b", {}, row.name), h("code.subject", {}, this.#rule(row))] },
      { label: "Access", cell: (row) => row.access },
      { label: "Service", cell: (row) => h("code", {}, row.service) },
      { label: "Requests/s", class: "number", cell: (row) => row.rate },
      { label: "p50", class: "number", cell: (row) => latency(row.recent?.p50_ms) },
      { label: "p99", class: "number", cell: (row) => latency(row.recent?.p99_ms) },
      { label: "4xx, 5xx", class: "number", cell: (row) => this.#errors(row) },
      { label: "In all", class: "number", cell: (row) => number(row.total?.requests ?? 0) },
    ],
    // Several routes may share a name, and then their counters.
    key: (row) => `${row.name} ${this.#rule(row)}`, mark: (row) => JSON.stringify(row),
    tone: (row) => (row.recent?.["5xx"] > 0 ? "attention" : null),
  });

  #instances = table({
    caption: "Instances, with their breakers",
    columns: [
      { label: "Instance", cell: (row) => [h("b", {}, row.id), h("code.subject", {}, row.address)] },
      { label: "Service", cell: (row) => h("code", {}, row.service) },
      { label: "Health", cell: (row) => pill(wordsOf(healths, row.health)) },
      { label: "Breaker", cell: (row) => this.#breakerCell(row) },
      { label: "Pending", class: "number", cell: (row) => number(row.pending) },
      { label: "Latency", class: "number", cell: (row) => latency(row.latency_ms) },
      { label: "Connections", class: "number", cell: (row) => `${number(row.connections)}, ${number(row.idle_connections)} idle` },
    ],
    key: (row) => `${row.service} ${row.id}`, mark: (row) => JSON.stringify(row),
    tone: (row) => (row.breaker === "open" || row.health === "down" ? "attention" : null),
  });

  #limits = table({
    caption: "Limits, with what they refused",
    columns: [
      { label: "Policy", cell: (row) => h("b", {}, row.policy) },
      { label: "Route", cell: (row) => row.route ?? "every one" },
      { label: "Requests", class: "number", cell: (row) => `${number(row.requests)} in ${duration(row.window_ms)}` },
      { label: "By", cell: (row) => row.by },
      { label: "Shared", cell: (row) => (row.shared ? "with other gateways" : "no") },
      { label: "Refused", class: "number", cell: (row) =>
        row.shadow ? `${number(row.watched)} would be` : number(row.refused) },
    ],
    key: (row) => `${row.route ?? ""} ${row.policy}`, mark: (row) => JSON.stringify(row),
  });

  constructor(context) {
    this.#signal = context.signal;
    this.element = [
      h("div.page-head", {}, h("h1", { tabindex: "-1" }, "Gateway"), this.#badge.element, h("div.spring"),
        h("button.button", { onclick: () => this.load() }, icon("refresh"), "Refresh")),
      this.#refusal, this.#facts, this.#content,
    ];
    fill(this.#content, loading("Gateway"));
    this.#badge.set("connecting");
  }

  close() {
    clearTimeout(this.#timer);
  }

  /// One look at everything; the next one follows by itself, while somebody can see it.
  async load() {
    clearTimeout(this.#timer);
    try {
      if (!document.hidden || !this.#isDrawn) await this.#look();
      this.#badge.set("live");
    } catch (problem) {
      if (this.#signal.aborted) return;
      // What is there stays, and the badge says that it is old.
      this.#badge.set(problem.status === 403 ? "refused" : "reconnecting", Math.ceil(interval / 1000));
      if (!this.#isDrawn) this.#tell(problem);
    }
    if (!this.#signal.aborted) this.#timer = setTimeout(() => this.load(), interval);
  }

  /// Once, as long as it stays the same: who is about to try again has the focus there, and a screen reader hears it.
  #tell(problem) {
    const text = JSON.stringify([problem.status, problem.message, problem.detail]);
    if (this.#told === text) return;
    this.#told = text;
    fill(this.#content, failure(problem, () => this.load()));
  }

  async #look() {
    const look = (this.#looks += 1);
    const [gateway, routes, instances, limits, traffic] = await Promise.all([
      api.get("/api/v1/gateway", {}, { signal: this.#signal }),
      this.#all("routes"), this.#all("instances"), this.#all("limits"), this.#all("traffic"),
    ]);
    if (look < this.#shown) return;
    this.#shown = look;
    this.#drawFacts(gateway);
    const rates = this.#rates(gateway, traffic);
    const byRoute = new Map(traffic.map((entry) => [entry.route ?? "", entry]));
    this.#routes.update(routes.map((route) => {
      const { total, recent } = byRoute.get(route.name) ?? {};
      return { ...route, total, recent, rate: rates.get(route.name) ?? "–" };
    }));
    this.#instances.update(instances);
    this.#limits.update(limits);
    const counts = { routes: plural(routes.length, "route"), instances: plural(instances.length, "instance"), limits: plural(limits.length, "limit") };
    for (const [name, text] of Object.entries(counts)) fill(this.#counts[name], text);
    if (this.#isDrawn) return;
    this.#isDrawn = true;
    fill(this.#content, this.#section("Routes", "routes", this.#routes), this.#section("Instances", "instances", this.#instances),
      this.#section("Limits", "limits", this.#limits));
  }

  #section(heading, name, list) {
    return h("section.gateway-section", { "aria-label": heading },
      h("div.section-head", {}, h("h2", {}, heading), this.#counts[name]), h("div.content", {}, list.element));
  }

  async #all(name) {
    const items = [];
    let cursor = null;
    do {
      const page = await api.get(`/api/v1/gateway/${name}`, { limit: 100, cursor }, { signal: this.#signal });
      items.push(...page.items);
      cursor = page.next_cursor ?? null;
    } while (cursor && items.length < greatest);
    return items;
  }

  /// Between this look and the last one; none where another gateway answered or the counting began anew.
  #rates(gateway, traffic) {
    const now = { at: performance.now(), gateway: gateway.id, requests: new Map(traffic.map((entry) => [entry.route ?? "", entry.total.requests])) };
    const before = this.#before;
    this.#before = now;
    const rates = new Map();
    if (!before || before.gateway !== now.gateway || now.at - before.at < 200) return rates;
    const seconds = (now.at - before.at) / 1000;
    for (const [route, count] of now.requests) {
      const rate = (count - (before.requests.get(route) ?? 0)) / seconds;
      if (rate >= 0) rates.set(route, rate >= 100 ? number(Math.round(rate)) : rate.toFixed(1));
    }
    return rates;
  }

  #drawFacts(gateway) {
    fill(this.#facts, facts([
      ["Gateway", h("code", {}, gateway.id)],
      ["Version", gateway.version],
      ["Runs since", when(new Date(gateway.started_at))],
      ["Routes from", h("code", {}, gateway.source)],
      ["In force since", when(new Date(gateway.routes_since))],
      ["Sets of routes so far", number(gateway.generation)],
    ]));
    fill(this.#refusal, gateway.refusal
      ? h("div.failure", { role: "alert" }, icon("alert"), h("div", {},
        h("b", {}, "What stands in the source now is refused; the former routes stay in force."),
        h("p.cause", {}, gateway.refusal)))
      : null);
  }

  #rule(route) {
    const parts = [route.methods?.join(", "), (route.hosts ?? []).join(", ") + route.path, ...route.headers];
    return parts.filter(Boolean).join(" · ");
  }

  #errors(row) {
    const { "4xx": client = 0, "5xx": server = 0 } = row.recent ?? {};
    return `${number(client)}, ${number(server)}`;
  }

  #breakerCell(row) {
    const left = row.breaker === "open" ? ` ${Math.ceil(row.breaker_left_ms / 1000)} s left` : "";
    const mayReset = session.may("gateway:write");
    const routes = row.open_routes > 0 ? ` ${number(row.open_routes)} of its routes left out` : "";
    return [pill(wordsOf(breakers, row.breaker)), left, routes,
      row.ejected ? pill({ label: "Ejected", tone: "bad", icon: "alert" }) : null,
      row.breaker === "closed" && row.open_routes === 0 ? null : h("button.button.small", {
        "aria-label": `Reset the breaker of ${row.id}`, disabled: !mayReset,
        title: mayReset ? "" : "Your roles do not grant gateway:write.", onclick: () => this.#ask(row),
      }, "Reset")];
  }

  #ask(row) {
    confirm({
      heading: `Reset the breaker of ${row.id}?`,
      body: [h("p.muted", {}, "Requests go there again at once, at this gateway. If it still fails, the breaker opens again.")],
      label: "Reset",
      act: async () => {
        await api.post("/api/v1/gateway/breakers/reset", { service: row.service, instance: row.id });
        notify(`The breaker of ${row.id} is closed.`);
        await this.load();
      },
    });
  }
}
