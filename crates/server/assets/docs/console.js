// The form that sends an operation, and the answer under it. The key is read at the moment of sending.

import { element, put } from "./dom.js";
import { curlOf, requestOf, WORKSPACE } from "./request.js";
import { bodyText, resolve } from "./schema.js";

/** @import { Description, Operation, Parameter } from "./schema.js" */
/** @import { Request, Values } from "./request.js" */

/** Characters of an answer that are shown; the rest is counted. */
const SHOWN_CHARS_MAX = 400_000;
/** Characters up to which an answer is coloured: each piece of it becomes an element. */
const COLOURED_CHARS_MAX = 100_000;
const REMEMBERED = "nictate.docs.value.";

/**
 * @param {Description} description
 * @param {Operation} operation
 * @param {{ base: string, keyHeader: string, key: () => string }} access
 * @returns {HTMLElement}
 */
export function makeConsole(description, operation, access) {
  const inputs = operation.parameters.map((parameter) => makeInput(description, parameter));
  const body = operation.body ? makeBody(description, operation) : null;
  const send = element("button", { type: "submit" }, "Send");
  const stop = element("button", { type: "button", disabled: true }, "Stop");
  const copy = element("button", { type: "button" }, "Copy as curl");
  // Said aloud in a line of its own: a screen reader should not read out a whole answer.
  const said = element("span", { class: "note", role: "status" });
  const answer = element("section", { class: "answer", "aria-label": "Answer" });

  const request = () => {
    /** @type {Values} */
    const values = {
      parameters: new Map(inputs.map(({ place, control }) => [place, control.value.trim()])),
      body: body?.text.value ?? "",
      bodyType: body?.type ?? "",
      keyHeader: access.keyHeader,
      key: access.key(),
    };
    return requestOf(operation, access.base, values);
  };

  const form = element(
    "form",
    { class: "console", "aria-label": "Send this operation" },
    element("h3", {}, "Try it"),
    ...inputs.map(({ row }) => row),
    body?.row,
    element("div", { class: "actions" }, send, stop, copy, said),
    answer,
  );

  /** @type {AbortController | null} */
  let running = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running || body?.check() === false) return;
    for (const { place, control } of inputs) remember(place, control.value.trim());
    running = new AbortController();
    stop.disabled = false;
    put(said, "Sending…");
    put(answer);
    const { summary, parts } = await exchange(request(), running.signal);
    put(said, summary);
    put(answer, ...parts);
    running = null;
    stop.disabled = true;
  });
  stop.addEventListener("click", () => running?.abort());
  copy.addEventListener("click", async () => {
    const line = curlOf(request(), location.origin, access.keyHeader);
    // Without a secure origin there is no clipboard: then the line is shown to be copied by hand.
    const copied = await navigator.clipboard?.writeText(line).then(() => true, () => false);
    put(said, copied ? "Copied." : "Copy the line below.");
    put(answer, element("pre", {}, line));
  });
  return form;
}

/**
 * @param {Description} description
 * @param {Parameter} parameter
 */
function makeInput(description, parameter) {
  const { name, in: place, required = false } = parameter;
  const schema = resolve(description, parameter.schema ?? {});
  const id = `input-${place}-${name}`;
  const note = [
    parameter.description ?? schema.description,
    name === WORKSPACE && "Empty: your default workspace.",
  ].filter(Boolean).join(". ").replace("..", ".");
  const attributes = {
    id,
    name,
    required: required && name !== WORKSPACE,
    "aria-describedby": note ? `${id}-note` : undefined,
  };
  const choices = schema.enum ?? ([schema.type].flat().includes("boolean") ? [true, false] : null);
  const control = choices
    ? element("select", attributes, ...["", ...choices].map((choice) => element("option", {}, String(choice))))
    : element("input", { ...attributes, autocomplete: "off", spellcheck: "false", placeholder: String(schema.type ?? "") });
  const initial = recall(`${place} ${name}`) ?? parameter.example ?? schema.example;
  if (initial !== undefined) control.value = String(initial);
  const row = element(
    "div",
    { class: "input" },
    element("label", { for: id }, name, required && name !== WORKSPACE && " *"),
    control,
    note && element("span", { class: "note", id: `${id}-note` }, note),
  );
  return { row, control, place: `${place} ${name}` };
}

/**
 * @param {Description} description
 * @param {Operation} operation
 */
function makeBody(description, operation) {
  const [type, media] = Object.entries(operation.body?.content ?? {})[0] ?? ["application/json", {}];
  const text = element("textarea", { id: "input-body", spellcheck: "false", "aria-describedby": "input-body-note" });
  text.value = bodyText(description, media);
  text.rows = Math.min(24, text.value.split("\n").length + 1);
  const note = element("span", { id: "input-body-note", class: "note", role: "status" }, type);
  const row = element("div", { class: "body-input" }, element("label", { for: "input-body" }, "Body"), text, note);
  /** Whether what is written may be sent: JSON must be JSON. */
  const check = () => {
    if (!type.includes("json") || text.value === "") return true;
    try {
      JSON.parse(text.value);
    } catch (error) {
      note.className = "problem";
      put(note, `This is no JSON: ${error instanceof Error ? error.message : error}`);
      text.focus();
      return false;
    }
    note.className = "note";
    put(note, type);
    return true;
  };
  return { row, text, type, check };
}

/**
 * Sends and shows. Never throws: what went wrong is the answer.
 * @param {Request} request
 * @param {AbortSignal} signal
 * @returns {Promise<{ summary: string, parts: HTMLElement[] }>}
 */
async function exchange(request, signal) {
  const { url, method, headers, body } = request;
  const started = performance.now();
  try {
    const response = await fetch(url, { method, headers, body, signal, cache: "no-store" });
    const text = await response.text();
    const took = Math.round(performance.now() - started);
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
    const status = `${response.status} ${response.statusText}`.trim();
    const parts = [
      element("p", {}, element("span", { class: `status ${response.ok ? "good" : "bad"}` }, status)),
      element("p", { class: "note" }, element("code", {}, `${method} ${url}`)),
      element("details", {}, element("summary", {}, `${lines.length} headers`), element("pre", {}, lines.join("\n"))),
      element("pre", { tabindex: "0", "aria-label": "Answer body" }, ...shown(text)),
    ];
    return { summary: `${status} in ${took} ms, ${text.length.toLocaleString("en")} characters`, parts };
  } catch (error) {
    const why = signal.aborted ? "Stopped." : `No answer: ${error instanceof Error ? error.message : error}`;
    return { summary: why, parts: [element("p", { class: "problem" }, why)] };
  }
}

/**
 * JSON is set out and coloured; anything else stands as it came.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
function shown(text) {
  if (text === "") return ["(empty)"];
  let pretty = text;
  let isJson = true;
  try {
    pretty = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    isJson = false;
  }
  const rest = pretty.length - SHOWN_CHARS_MAX;
  if (rest > 0) return [pretty.slice(0, SHOWN_CHARS_MAX), `\n… ${rest.toLocaleString("en")} more characters`];
  return isJson && pretty.length <= COLOURED_CHARS_MAX ? coloured(pretty) : [pretty];
}

/**
 * @param {string} json
 * @returns {(Node | string)[]}
 */
function coloured(json) {
  const pieces = json.split(/("(?:[^"\\]|\\.)*"(?:: )?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*)/);
  return pieces.map((piece, index) => {
    if (index % 2 === 0) return piece;
    const kind = piece.endsWith(": ") ? "json-key" : piece.startsWith('"') ? "json-text" : "json-other";
    return element("span", { class: kind }, piece);
  });
}

/**
 * What was sent for a path parameter stands there again next time, also at another operation.
 * @param {string} place
 * @param {string} value
 */
function remember(place, value) {
  if (place.startsWith("path ")) sessionStorage.setItem(REMEMBERED + place, value);
}

/** @param {string} place */
function recall(place) {
  return (place.startsWith("path ") && sessionStorage.getItem(REMEMBERED + place)) || undefined;
}
