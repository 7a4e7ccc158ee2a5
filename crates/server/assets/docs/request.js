// From the values of a form to a request, and from a request to a line for the shell. Values in, values out.

/** @import { Operation } from "./schema.js" */

/** The one path parameter that may stay empty: the API then takes the caller's default workspace. */
export const WORKSPACE = "ws_id";

/**
 * @typedef {{ url: string, method: string, headers: Record<string, string>, body: string | undefined }} Request
 * @typedef {{ parameters: Map<string, string>, body: string, bodyType: string, keyHeader: string, key: string }} Values
 */

/**
 * @param {Operation} operation
 * @param {string} base the path that all paths hang under
 * @param {Values} values those of parameters under `in name`; empty ones are left out of query and headers
 * @returns {Request}
 */
export function requestOf(operation, base, values) {
  let path = operation.path;
  const query = new URLSearchParams();
  /** @type {Record<string, string>} */
  const headers = { accept: "application/json" };
  for (const { name, in: place } of operation.parameters) {
    const value = values.parameters.get(`${place} ${name}`) ?? "";
    if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === "query" && value !== "") query.set(name, value);
    else if (place === "header" && value !== "") headers[name] = value;
  }
  if (values.key) headers[values.keyHeader] = values.key;
  const body = operation.body && values.body !== "" ? values.body : undefined;
  if (body !== undefined) headers["content-type"] = values.bodyType;
  const search = query.size ? `?${query}` : "";
  return { url: base + path + search, method: operation.method, headers, body };
}

/**
 * The same request for a shell. The key stands in a variable: what is pasted into a chat should not open a door.
 * @param {Request} request
 * @param {string} origin
 * @param {string} keyHeader
 */
export function curlOf({ url, method, headers, body }, origin, keyHeader) {
  const words = ["curl", ...(method === "GET" ? [] : ["-X", method]), quoted(origin + url)];
  for (const [name, value] of Object.entries(headers)) {
    words.push("-H", name === keyHeader ? `"${name}: $NICTATE_API_KEY"` : quoted(`${name}: ${value}`));
  }
  if (body !== undefined) words.push("--data-binary", quoted(body));
  return words.join(" ");
}

/** @param {string} word */
function quoted(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
