// One operation as people read it: what it does, who may, what goes in, what comes out. The form that sends
// it is console.js.

import { element, prose } from "./dom.js";
import { boundsOf, fieldsOf, resolve, typeText } from "./schema.js";

/** @import { Description, Media, Operation, Schema } from "./schema.js" */

/**
 * The head of the page: what the operation is.
 * @param {Operation} operation
 * @param {string} base the path that all paths hang under
 * @returns {HTMLElement[]}
 */
export function heading(operation, base) {
  const { id, method, path, summary, description, access, deprecated } = operation;
  return [
    element("h2", {}, summary),
    element("p", { class: "address" }, element("span", { class: `method ${method}` }, method), element("code", {}, base + path)),
    element("p", { class: "note" }, "Operation ", element("a", { href: `#${id}` }, id), access && `, needs ${access}`),
    ...(deprecated ? [element("p", { class: "problem" }, "Deprecated: it works, but new programs should not use it.")] : []),
    ...(description && description !== summary ? prose(description) : []),
  ];
}

/**
 * Body and answers, as trees of fields.
 * @param {Description} description
 * @param {Operation} operation
 * @returns {HTMLElement[]}
 */
export function shapes(description, operation) {
  const sections = [];
  for (const [type, media] of Object.entries(operation.body?.content ?? {})) {
    sections.push(element("h3", {}, "Request body"), element("p", { class: "note" }, type), shape(description, media));
  }
  const answers = operation.answers.map(([status, answer]) => {
    const [type, media] = Object.entries(answer.content ?? {})[0] ?? ["", null];
    const good = status.startsWith("2");
    const title = [
      element("span", { class: `status ${good ? "good" : "bad"}` }, status),
      ` ${answer.description ?? ""} `,
      element("span", { class: "note" }, type),
    ];
    if (!media?.schema) return element("li", {}, ...title);
    return element("li", {}, element("details", { open: good }, element("summary", {}, ...title), shape(description, media)));
  });
  sections.push(element("h3", {}, "Answers"), element("ul", { class: "statuses" }, ...answers));
  return sections;
}

/**
 * @param {Description} description
 * @param {Media} media
 */
function shape(description, media) {
  const schema = media.schema ?? {};
  return element("div", {}, element("code", {}, typeText(description, schema)), fieldList(description, schema));
}

/**
 * @param {Description} description
 * @param {Schema} schema
 * @returns {HTMLElement | null} null for what has no fields
 */
function fieldList(description, schema) {
  const fields = fieldsOf(description, schema);
  if (!fields.length) return null;
  const rows = fields.map(({ name, schema: node, required }) => {
    const field = resolve(description, node);
    const bounds = boundsOf(field).join(", ");
    return element(
      "li",
      {},
      element("code", {}, name),
      element("span", { class: "type" }, typeText(description, node)),
      required && element("span", { class: "required" }, "required"),
      field.readOnly && element("span", { class: "required" }, "read only"),
      field.deprecated && element("span", { class: "required" }, "deprecated"),
      field.description && element("p", {}, field.description),
      bounds && element("p", { class: "note" }, bounds),
      fieldsOf(description, field).length > 0 && nested(description, field, name),
    );
  });
  return element("ul", { class: "fields" }, ...rows);
}

/**
 * The fields of a field, made when they are opened: a schema may hold itself.
 * @param {Description} description
 * @param {Schema} field
 * @param {string} name
 */
function nested(description, field, name) {
  const details = element("details", {}, element("summary", {}, `Fields of ${name}`));
  const fill = () => {
    const list = fieldList(description, field);
    if (list) details.append(list);
  };
  details.addEventListener("toggle", fill, { once: true });
  return details;
}
