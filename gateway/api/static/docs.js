// Reads /openapi.json and draws it: what each operation takes and gives, and a form to try it with.

const METHODS = ["get", "post", "put", "patch", "delete"];
const keyField = document.getElementById("key");
const filterField = document.getElementById("filter");
let spec = null;

/** An element with properties and children; text is always text, never markup. */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [property, value] of Object.entries(properties)) {
    if (property.includes("-") || property === "for" || property === "role") element.setAttribute(property, value);
    else element[property] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function resolve(schema) {
  let found = schema ?? {};
  for (let depth = 0; found.$ref && depth < 8; depth += 1) {
    found = { ...spec.components.schemas[found.$ref.split("/").pop()], description: found.description };
  }
  return found;
}

/** A schema in a few words: "string, 1 to 1600 characters". */
function words(schema) {
  const one = resolve(schema);
  if (one.anyOf) return one.anyOf.map(words).join(" or ");
  if (one.enum) return one.enum.map((value) => JSON.stringify(value)).join(", ");
  if (one.const !== undefined) return JSON.stringify(one.const);
  const parts = [one.format ?? one.type ?? "any"];
  if (one.items) parts[0] = `list of ${words(one.items)}`;
  const [low, high] = [one.minimum ?? one.minLength ?? one.minItems, one.maximum ?? one.maxLength ?? one.maxItems];
  if (low !== undefined && high !== undefined) parts.push(`${low} to ${high}`);
  else if (high !== undefined) parts.push(`at most ${high}`);
  else if (low !== undefined) parts.push(`at least ${low}`);
  return parts.join(", ");
}

/** An example value for a schema; only what must be there, unless asked for all. */
function example(schema, depth = 0) {
  const one = resolve(schema);
  if (one.examples?.length) return one.examples[0];
  if (one.default !== undefined) return one.default;
  if (one.enum) return one.enum[0];
  if (one.anyOf) return example(one.anyOf[0], depth);
  if (one.type === "object" && one.properties && depth < 4) {
    const names = one.required?.length ? one.required : Object.keys(one.properties);
    return Object.fromEntries(names.map((name) => [name, example(one.properties[name], depth + 1)]));
  }
  if (one.type === "array") return depth < 4 ? [example(one.items, depth + 1)] : [];
  return { integer: one.minimum ?? 1, number: 1, boolean: false, string: "" }[one.type] ?? {};
}

function fieldTable(schema, title) {
  const one = resolve(schema);
  if (!one.properties) return null;
  const rows = Object.entries(one.properties).map(([name, field]) => {
    const needed = one.required?.includes(name) ? make("span", { className: "needed", title: "required" }, " *") : "";
    const description = resolve(field).description ?? "";
    return make("tr", {}, make("td", {}, name, needed), make("td", {}, words(field)), make("td", {}, description));
  });
  const heads = ["Field", "Type", "Meaning"].map((text) => make("th", { scope: "col" }, text));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
  return make("section", {}, make("h3", {}, title), table);
}

function responseTable(responses) {
  const rows = Object.entries(responses).map(([status, response]) =>
    make("tr", {}, make("td", {}, status), make("td", {}, response.description),
      make("td", {}, Object.keys(response.content ?? {}).join(", "))));
  return make("details", {}, make("summary", {}, "Every answer it can give"),
    make("div", { className: "inside" }, make("table", {}, make("tbody", {}, ...rows))));
}

/** The form that tries an operation. */
function tryForm(path, method, operation) {
  const prefix = operation.operationId;
  const inputs = operation.parameters.map((parameter) => {
    const id = `${prefix}-${parameter.in}-${parameter.name}`;
    const input = make("input", { id, spellcheck: false, required: parameter.required, placeholder: words(parameter.schema) });
    return { parameter, input, label: make("label", { for: id }, `${parameter.name} `, make("small", {}, parameter.in)) };
  });
  const body = operation.requestBody ? make("textarea", { id: `${prefix}-body`, spellcheck: false }) : null;
  if (body) body.value = JSON.stringify(example(operation.requestBody.content["application/json"].schema), null, 2);
  const outcome = make("div", { role: "status", "aria-live": "polite" });
  const button = make("button", { type: "submit" }, "Send");
  const curl = make("button", { type: "button", className: "quiet" }, "Show as curl");
  const form = make("form", {}, make("h3", {}, "Try it"),
    make("div", { className: "fields" }, ...inputs.flatMap(({ label, input }) => [label, input])),
    body ? make("label", { for: body.id }, "Body") : null, body,
    make("div", { className: "actions" }, button, curl), outcome);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try { await perform(request(path, method, inputs, body), outcome); } finally { button.disabled = false; }
  });
  curl.addEventListener("click", () => outcome.replaceChildren(make("pre", {}, asCurl(request(path, method, inputs, body)))));
  return form;
}

function request(path, method, inputs, body) {
  const query = new URLSearchParams();
  const headers = {};
  let filled = path;
  for (const { parameter, input } of inputs) {
    if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value && parameter.in === "query") query.append(parameter.name, input.value);
    else if (input.value) headers[parameter.name] = input.value;
  }
  if (keyField.value) headers.Authorization = `Bearer ${keyField.value.trim()}`;
  if (body) headers["Content-Type"] = "application/json";
  return { method: method.toUpperCase(), url: query.size ? `${filled}?${query}` : filled, headers, body: body?.value };
}

function asCurl({ method, url, headers, body }) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const shown = Object.entries(headers).map(([name, value]) =>
    `-H ${quote(`${name}: ${name === "Authorization" ? "Bearer hg_…" : value}`)}`);
  return [`curl -X ${method} ${quote(location.origin + url)}`, ...shown, ...(body ? [`-d ${quote(body)}`] : [])].join(" \\\n  ");
}

async function perform({ method, url, headers, body }, outcome) {
  const stop = new AbortController();
  const began = performance.now();
  outcome.replaceChildren("Waiting…");
  try {
    const response = await fetch(url, { method, headers, body, signal: stop.signal });
    const kind = response.headers.get("Content-Type") ?? "";
    const state = `${response.status} ${response.statusText} in ${Math.round(performance.now() - began)} ms`;
    const text = make("pre", { tabIndex: 0 });
    outcome.replaceChildren(make("p", { className: `outcome ${response.ok ? "good" : "bad"}` }, state), text);
    if (kind.startsWith("text/event-stream")) await follow(response, text, stop, outcome);
    else text.textContent = pretty(await response.text());
  } catch (error) {
    if (error.name !== "AbortError") outcome.replaceChildren(make("p", { className: "outcome bad" }, `No answer: ${error.message}`));
  }
}

/** Shows a stream as it comes, until it is stopped. */
async function follow(response, text, stop, outcome) {
  const button = make("button", { type: "button", className: "quiet" }, "Stop");
  button.addEventListener("click", () => { stop.abort(); button.remove(); });
  outcome.append(button);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) text.append(chunk.value);
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text || "(nothing)"; }
}

function drawOperation(path, method, operation) {
  const inside = make("div", { className: "inside" });
  const details = make("details", { id: operation.operationId },
    make("summary", {}, make("span", { className: `method ${method}` }, method.toUpperCase()),
      make("span", { className: "path" }, path), make("span", { className: "title" }, operation.summary),
      make("span", { className: "scope", title: "The scope that the key needs" }, operation["x-scope"])), inside);
  details.dataset.words = `${method} ${path} ${operation.summary} ${operation.tags.join(" ")}`.toLowerCase();
  details.addEventListener("toggle", () => { if (details.open && !inside.childElementCount) fill(inside, path, method, operation); });
  return details;
}

/** Drawn when it is first opened: the page is quick however many operations there are. */
function fill(inside, path, method, operation) {
  const taken = operation.requestBody?.content["application/json"].schema;
  const parameters = operation.parameters.length ? parameterTable(operation.parameters) : null;
  const good = Object.values(operation.responses).map((one) => one.content?.["application/json"]?.schema).find(Boolean);
  const parts = [make("p", {}, operation.description), parameters, taken && fieldTable(taken, "Body"),
    good && fieldTable(good, "Answer"), responseTable(operation.responses), tryForm(path, method, operation)];
  inside.append(...parts.filter(Boolean));
}

function parameterTable(parameters) {
  const properties = Object.fromEntries(parameters.map((one) =>
    [one.name, { ...one.schema, description: one.description }]));
  const required = parameters.filter((one) => one.required).map((one) => one.name);
  return fieldTable({ properties, required }, "Parameters");
}

function draw() {
  document.getElementById("version").textContent = spec.info.version;
  document.getElementById("about").textContent = spec.info.description;
  const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method] })));
  const contents = document.getElementById("contents");
  const main = document.getElementById("operations");
  for (const { name } of spec.tags) {
    const mine = operations.filter(({ operation }) => operation.tags.includes(name));
    contents.append(make("h2", {}, name), ...mine.map(({ operation }) =>
      make("a", { href: `#${operation.operationId}` }, operation.summary)));
    main.append(make("section", { className: "group" }, make("h2", {}, name),
      ...mine.map(({ path, method, operation }) => drawOperation(path, method, operation))));
  }
}

function openLinked() {
  const target = document.getElementById(location.hash.slice(1));
  if (target?.tagName !== "DETAILS") return;
  target.open = true;
  target.scrollIntoView();
  target.querySelector("summary").focus({ preventScroll: true });
}

function filter() {
  const wanted = filterField.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const group of document.querySelectorAll(".group")) {
    for (const operation of group.querySelectorAll(":scope > details")) {
      operation.hidden = !wanted.every((word) => operation.dataset.words.includes(word));
    }
    group.hidden = !group.querySelector(":scope > details:not([hidden])");
  }
}

document.getElementById("access").addEventListener("submit", (event) => event.preventDefault());
filterField.addEventListener("input", filter);
window.addEventListener("hashchange", openLinked);

try {
  spec = await (await fetch("/openapi.json")).json();
  draw();
  openLinked();
} catch (error) {
  document.getElementById("about").textContent = `The description of the API cannot be read: ${error.message}`;
}
