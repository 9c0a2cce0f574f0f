import { api, tagOf } from "../api.js";
import { choices, field, inWords, showErrors } from "../components/form.js";
import { icon } from "../components/icons.js";
import { notify } from "../components/notice.js";
import { showSecret } from "../components/secret.js";
import { empty, failure, loading } from "../components/states.js";
import { h, fill } from "../element.js";
import { permissionCatalogue } from "../permissions.js";
import { redirectURIError } from "../redirect-uri.js";
import { address, go } from "../router.js";
import { session } from "../session.js";
import { grants, hasSecrets, kinds } from "./client-words.js";
import { permissionPicker } from "./permission-picker.js";

/// A new client, or the one with that id.
export async function openClientForm(context, id) {
  const { main, signal } = context;
  const body = h("div");
  const heading = h("h1", { tabindex: "-1" }, id ? "Edit client" : "New client");
  fill(main, h("p.crumb", {}, h("a", { href: address(id ? ["clients", id] : ["clients"]) }, icon("back"), id ? "The client" : "Clients")),
    h("div.page-head", {}, heading), body);
  context.title(heading.textContent);
  context.arrived();
  if (!session.may("clients:write")) {
    return fill(body, empty("lock", "Not for this account", [h("p", {}, "Your roles do not grant ", h("code", {}, "clients:write"), ".")],
      h("a.button", { href: address(["clients"]) }, "All clients")));
  }
  async function load() {
    fill(body, loading("Client"));
    try {
      const client = id ? await api.get(`/api/v1/auth/clients/${encodeURIComponent(id)}`, {}, { signal }) : null;
      const form = new ClientForm(client, await permissionCatalogue(), await supportedGrants(signal));
      if (client) fill(heading, `Edit ${client.name}`);
      fill(body, form.element);
    } catch (problem) {
      if (!signal.aborted) fill(body, failure(problem, load));
    }
  }
  await load();
}

/// What this server can do (RFC 8414).
async function supportedGrants(signal) {
  try {
    return (await api.get("/.well-known/oauth-authorization-server", {}, { signal })).grant_types_supported;
  } catch {
    return ["authorization_code", "refresh_token", "client_credentials"];
  }
}

class ClientForm {
  #client;
  #kind;
  #name;
  #grants;
  #redirects;
  #logouts;
  #scopes;
  #firstParty;
  #message = h("p.form-message", { role: "alert" });
  #save;
  #redirectPart;

  constructor(client, catalogue, supported) {
    this.#client = client;
    this.#kind = kinds[0];
    this.#name = field({ label: "Name", name: "name", hint: "People read it when they are asked whether to let it in.",
      input: h("input", { maxlength: 200, required: true, value: client?.name ?? "" }),
      check: (value) => (value.trim() ? null : "It must have a name.") });
    this.#redirects = uriList({ label: "Redirect URI", name: "redirect_uris", values: client?.redirect_uris ?? [""],
      hint: "Where a browser comes back to; compared as it is written.", isRequired: true });
    this.#logouts = uriList({ label: "URI after a logout", name: "post_logout_redirect_uris", values: client?.post_logout_redirect_uris ?? [] });
    this.#redirectPart = h("div.stack", {}, this.#redirects.element, this.#logouts.element);
    const offered = [...new Set([...supported, ...(client?.grants ?? [])])].filter((grant) => grants[grant]);
    this.#grants = choices({ legend: "Grants", name: "grants", chosen: client?.grants ?? this.#kind.grants,
      options: offered.map((grant) => [grant, grants[grant].label, grants[grant].hint]),
      onChange: () => this.#showParts() });
    this.#scopes = permissionPicker({
      legend: "What it may ask for", name: "scopes", catalogue, chosen: client?.scopes ?? ["openid", "profile", "email", "offline_access"],
      others: [["openid", "openid", "who somebody is (an ID token)"], ["profile", "profile", "the name"], ["email", "email", "the address"],
        ["offline_access", "offline_access", "a refresh token"], ["account", "account", "what everybody may who is signed in"]],
    });
    this.#firstParty = h("input", { type: "checkbox", checked: client?.first_party ?? false });
    this.#save = h("button.button.primary", { type: "submit" }, client ? "Save" : "Make the client");
    this.element = h("form.card.editor", { novalidate: true, onsubmit: (event) => this.#submit(event) },
      client ? null : this.#kinds(), this.#name.element, this.#grants.element, this.#redirectPart, this.#scopes.element,
      h("label.choice", {}, this.#firstParty, h("span", {}, h("span.choice-label", {}, "It is the platform's own"),
        h("span.muted.choice-hint", {}, "nobody is asked for consent"))),
      client ? h("p.muted", {}, "Other grants or scopes revoke the tokens that it has. How it proves who it is cannot be changed: make another client.") : null,
      this.#message, h("div.actions", {}, h("a.button", { href: address(client ? ["clients", client.id] : ["clients"]) }, "Cancel"), this.#save));
    this.#showParts();
  }

  #kinds() {
    return h("fieldset.choices", {}, h("legend", {}, "What it is"), kinds.map((kind) => h("label.choice", {},
      h("input", { type: "radio", name: "kind", value: kind.id, checked: kind === this.#kind, onchange: () => this.#choose(kind) }),
      h("span", {}, h("span.choice-label", {}, kind.label), h("span.muted.choice-hint", {}, kind.hint)))));
  }

  /// The kind proposes the grants; they can be changed afterwards.
  #choose(kind) {
    this.#kind = kind;
    const wanted = new Set(kind.grants);
    for (const box of this.#grants.element.querySelectorAll("input")) if (box.checked !== wanted.has(box.value)) box.click();
    const isMachine = kind.id === "machine";
    for (const box of this.element.querySelectorAll("[data-field=scopes] input")) {
      const isIdentity = ["openid", "profile", "email", "offline_access"].includes(box.value);
      if (isIdentity && box.checked === isMachine) box.click();
    }
  }

  #showParts() {
    this.#redirectPart.hidden = !this.#grants.values.includes("authorization_code");
  }

  #fields() {
    const isByCode = this.#grants.values.includes("authorization_code");
    return {
      name: this.#name.input.value.trim(), grants: this.#grants.values, scopes: this.#scopes.values,
      redirect_uris: isByCode ? this.#redirects.values : [], post_logout_redirect_uris: isByCode ? this.#logouts.values : [],
      first_party: this.#firstParty.checked,
    };
  }

  async #submit(event) {
    event.preventDefault();
    fill(this.#message);
    showErrors(this.element, []);
    const isByCode = this.#grants.values.includes("authorization_code");
    const isGood = [this.#name.test(), !isByCode || this.#redirects.test(), !isByCode || this.#logouts.test()].every(Boolean);
    if (!isGood) {
      fill(this.#message, "See the fields above.");
      return this.element.querySelector("[aria-invalid]")?.focus();
    }
    this.#save.disabled = true;
    try {
      await (this.#client ? this.#update() : this.#create());
    } catch (problem) {
      fill(this.#message, inWords(problem, showErrors(this.element, problem.errors ?? [])));
    } finally {
      this.#save.disabled = false;
    }
  }

  async #update() {
    const { id } = this.#client;
    await api.patch(`/api/v1/auth/clients/${id}`, this.#fields(), { ifMatch: tagOf(this.#client) });
    notify("The client is changed.");
    go(address(["clients", id]));
  }

  async #create() {
    const made = await api.post("/api/v1/auth/clients", { ...this.#fields(), authentication: this.#kind.authentication });
    if (hasSecrets(made.client)) {
      await showSecret({ heading: `The secret of ${made.client.name}`,
        values: [["Client id", made.client.id], ["Client secret", made.client_secret]] });
    } else {
      notify(`${made.client.name} is made.`);
    }
    go(address(["clients", made.client.id]));
  }
}

/// One field for each address, checked as the server does while it is typed.
function uriList({ label, name, values, hint = null, isRequired = false }) {
  const place = h("div.stack");
  const add = h("button.button.small.add", { type: "button", onclick: () => { put(""); fields.at(-1).input.focus(); } }, icon("plus"), `Add a ${label}`);
  const fields = [];

  function put(value) {
    const input = h("input", { type: "text", value, maxlength: 2000, inputmode: "url", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
      placeholder: ["https:", "", "app.example.org", "callback"].join("/") });
    const one = field({ label, name: `${name}.${fields.length}`, input, hint: fields.length === 0 ? hint : null,
      check: (text) => (text.trim() === "" && (!isRequired || fields.length > 1) ? null : redirectURIError(text.trim())) });
    // At once, not only when the field is left: what is half typed says nothing until it could be a whole.
    input.addEventListener("input", () => {
      if (input.value.length > 8) one.test();
    });
    const remove = h("button.icon-button", { type: "button", "aria-label": `Take this ${label} out`, title: "Take out", onclick: () => {
      fields.splice(fields.indexOf(one), 1);
      line.remove();
      fields.forEach((other, index) => { other.element.dataset.field = `${name}.${index}`; });
      add.focus();
    } }, icon("cross"));
    const line = h("div.uri-line", {}, one.element, remove);
    one.element.classList.add("grow");
    fields.push(one);
    place.append(line);
  }
  for (const value of values) put(value);
  const element = h("div.stack", { "data-field": name }, place, add);
  const error = h("p.field-error", { role: "alert" });
  element.append(error);
  element.say = (text) => fill(error, text);
  return {
    element,
    test: () => fields.map((one) => one.test()).every(Boolean),
    get values() { return fields.map((one) => one.input.value.trim()).filter(Boolean); },
  };
}
