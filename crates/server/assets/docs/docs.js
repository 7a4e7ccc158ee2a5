// The API reference at /docs: reads openapi.json, lists its operations, shows the one that the address names
// (#ConnectionGetById). Loads nothing from anywhere else and keeps the API key in this tab only.

import { makeConsole } from "./console.js";
import { byId, element, prose, put } from "./dom.js";
import { heading, shapes } from "./operation.js";
import { matches, operationsOf } from "./schema.js";

/** @import { Description, Operation } from "./schema.js" */

const DESCRIPTION_URL = "/api/v1/openapi.json";
const KEY = "nictate.docs.api-key";

const main = byId("main", HTMLElement);
const list = byId("operations", HTMLElement);
const count = byId("count", HTMLElement);
const filter = byId("filter", HTMLInputElement);
const key = byId("api-key", HTMLInputElement);

key.value = sessionStorage.getItem(KEY) ?? "";
key.addEventListener("input", () => sessionStorage.setItem(KEY, key.value.trim()));

try {
  const response = await fetch(DESCRIPTION_URL);
  if (!response.ok) throw new Error(`${DESCRIPTION_URL} answered ${response.status}`);
  start(await response.json());
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  put(main, element("p", { class: "problem", role: "alert" }, `The description of the API cannot be read: ${why}`));
}

/** @param {Description} description */
function start(description) {
  const operations = operationsOf(description);
  const access = { base: baseOf(description), keyHeader: keyHeaderOf(description), key: () => key.value.trim() };
  const title = description.info?.title ?? "API";

  const showList = () => {
    const found = operations.filter((operation) => matches(operation, filter.value));
    put(count, `${found.length} of ${operations.length} operations`);
    put(list, ...byTag(found));
    markCurrent();
  };

  const showPage = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const operation = operations.find((one) => one.id === id);
    if (operation) {
      document.title = `${operation.id}, ${title}`;
      put(main, ...heading(operation, access.base), makeConsole(description, operation, access), ...shapes(description, operation));
    } else {
      document.title = title;
      put(main, ...overview(description, operations, id === "main" ? "" : id));
    }
    markCurrent();
  };

  filter.addEventListener("input", showList);
  filter.addEventListener("keydown", (event) => {
    // Enter opens the first operation that is left.
    const first = list.querySelector("a");
    if (event.key === "Enter" && first) first.click();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.matches("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      filter.focus();
    }
  });
  window.addEventListener("hashchange", () => {
    if (location.hash === "#main") return;
    showPage();
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  });

  showList();
  showPage();
}

/**
 * @param {Operation[]} operations
 * @returns {HTMLElement[]}
 */
function byTag(operations) {
  return [...new Set(operations.map((operation) => operation.tag))].map((tag) => {
    const links = operations.filter((operation) => operation.tag === tag).map(link);
    return element("section", { "aria-label": tag }, element("h2", {}, tag), element("ul", {}, ...links));
  });
}

/** @param {Operation} operation */
function link({ id, method, path, summary }) {
  const parts = [
    element("span", { class: `method ${method}` }, method),
    element("span", {}, summary),
    element("span", { class: "path" }, path),
  ];
  return element("li", {}, element("a", { href: `#${encodeURIComponent(id)}` }, ...parts));
}

function markCurrent() {
  for (const one of list.querySelectorAll("a")) {
    if (one.hash === location.hash) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

/**
 * The page without an operation.
 * @param {Description} description
 * @param {Operation[]} operations
 * @param {string} missing an operation that was asked for and is not there
 * @returns {HTMLElement[]}
 */
function overview(description, operations, missing) {
  const { title = "API", version = "", description: about = "" } = description.info ?? {};
  const header = element("code", {}, `${keyHeaderOf(description)}: <key>`);
  return [
    ...(missing ? [element("p", { class: "problem", role: "alert" }, `There is no operation ${missing}.`)] : []),
    element("h2", {}, title),
    element("p", { class: "note" }, `Version ${version}, ${operations.length} operations under ${baseOf(description)}`),
    ...prose(about),
    element("h3", {}, "Begin here"),
    element("p", {}, "Every call carries an API key as ", header, ". Write yours at the top of this page, choose an operation, and press Send."),
  ];
}

/**
 * The path of the first server. The host is always our own: that is where this page may send to.
 * @param {Description} description
 */
function baseOf(description) {
  const url = description.servers?.[0]?.url ?? "/api/v1";
  return new URL(url, location.origin).pathname.replace(/\/$/, "");
}

/** @param {Description} description */
function keyHeaderOf(description) {
  const schemes = Object.values(description.components?.securitySchemes ?? {});
  return schemes.find((scheme) => scheme.type === "apiKey" && scheme.in === "header")?.name ?? "BLINK-API-KEY";
}
