// Reading an OpenAPI description: operations, references, examples, and the request that a form stands for.
// Plain values in, plain values out: no page, no network. Works for 3.0 and 3.1.

/**
 * The parts of JSON Schema that descriptions use. `type` may be a list since 3.1.
 * @typedef {{
 *   $ref?: string, type?: string | string[], format?: string, title?: string, description?: string,
 *   properties?: Record<string, Schema>, required?: string[], items?: Schema,
 *   additionalProperties?: boolean | Schema, enum?: unknown[], const?: unknown, default?: unknown,
 *   example?: unknown, examples?: unknown[], nullable?: boolean, deprecated?: boolean, readOnly?: boolean,
 *   allOf?: Schema[], oneOf?: Schema[], anyOf?: Schema[], pattern?: string,
 *   minimum?: number, maximum?: number, minLength?: number, maxLength?: number, minItems?: number, maxItems?: number,
 * }} Schema
 * @typedef {{ schema?: Schema, example?: unknown, examples?: Record<string, { value?: unknown }> }} Media
 * @typedef {{ name: string, in: string, description?: string, required?: boolean, schema?: Schema, example?: unknown }} Parameter
 * @typedef {{ description?: string, required?: boolean, content?: Record<string, Media> }} Body
 * @typedef {{ description?: string, content?: Record<string, Media> }} Answer
 * @typedef {{
 *   id: string, method: string, path: string, tag: string, summary: string, description: string,
 *   parameters: Parameter[], body: Body | null, answers: [string, Answer][], access: string, deprecated: boolean,
 * }} Operation
 * @typedef {{ [key: string]: any }} Description an OpenAPI document
 */

const METHODS = ["get", "post", "put", "patch", "delete", "head"];
/** Levels of an example; deeper ones help nobody, and a schema may hold itself. */
const EXAMPLE_DEPTH_MAX = 6;

/**
 * What a node refers to, through as many references as there are.
 * @template {object} Node
 * @param {Description} description
 * @param {Node} node
 * @returns {Node} without `$ref`; an empty node if the reference leads nowhere
 */
export function resolve(description, node) {
  /** @type {any} */
  let current = node;
  for (let hops = 0; current && "$ref" in current && hops < 32; hops += 1) {
    const steps = String(current.$ref).replace(/^#\//, "").split("/");
    /** @type {any} */
    let target = description;
    for (const step of steps) target = target?.[decodeURIComponent(step).replace(/~1/g, "/").replace(/~0/g, "~")];
    const { $ref: _, ...beside } = current;
    current = target ? { ...target, ...beside } : beside;
  }
  return current ?? {};
}

/**
 * Every operation, in the order of tags and paths of the description.
 * @param {Description} description
 * @returns {Operation[]}
 */
export function operationsOf(description) {
  /** @type {Operation[]} */
  const operations = [];
  for (const [path, item] of Object.entries(description.paths ?? {})) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      /** @type {Map<string, Parameter>} an operation's parameter replaces the path's of the same name */
      const parameters = new Map();
      for (const node of [...(item.parameters ?? []), ...(operation.parameters ?? [])]) {
        const parameter = resolve(description, /** @type {Parameter} */ (node));
        parameters.set(`${parameter.in} ${parameter.name}`, parameter);
      }
      operations.push({
        id: operation.operationId ?? `${method} ${path}`,
        method: method.toUpperCase(),
        path,
        tag: operation.tags?.[0] ?? "Other",
        summary: operation.summary ?? operation.operationId ?? path,
        description: operation.description ?? "",
        parameters: inPathOrder(path, [...parameters.values()]),
        body: operation.requestBody ? resolve(description, /** @type {Body} */ (operation.requestBody)) : null,
        answers: Object.entries(operation.responses ?? {}).map(([status, answer]) => [
          status,
          resolve(description, /** @type {Answer} */ (answer)),
        ]),
        access: operation["x-access"] ?? "",
        deprecated: operation.deprecated === true,
      });
    }
  }
  const tags = (description.tags ?? []).map((/** @type {{ name: string }} */ tag) => tag.name);
  const place = (/** @type {Operation} */ operation) => {
    const at = tags.indexOf(operation.tag);
    return at < 0 ? tags.length : at;
  };
  return operations.sort((one, other) => place(one) - place(other) || one.path.localeCompare(other.path));
}

/**
 * Path parameters as they stand in the path, then the others.
 * @param {string} path
 * @param {Parameter[]} parameters
 */
function inPathOrder(path, parameters) {
  const place = (/** @type {Parameter} */ parameter) =>
    parameter.in === "path" ? path.indexOf(`{${parameter.name}}`) : path.length;
  return parameters.sort((one, other) => place(one) - place(other));
}

/**
 * Whether every word of the text is somewhere in the operation.
 * @param {Operation} operation
 * @param {string} text
 */
export function matches(operation, text) {
  const { id, method, path, tag, summary } = operation;
  const hay = [id, method, path, tag, summary].join(" ").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => hay.includes(word));
}

/**
 * The type in words: `array of models.Connection`, `string or null`, `one of "a", "b"`.
 * @param {Description} description
 * @param {Schema} schema
 * @returns {string}
 */
export function typeText(description, schema) {
  if (schema.$ref) return decodeURIComponent(schema.$ref.split("/").pop() ?? "");
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return [...new Set(choices.map((choice) => typeText(description, choice)))].join(" or ");
  if (schema.enum) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const [part, ...others] = schema.allOf ?? [];
  if (part && !others.length && !schema.properties) return typeText(description, part);
  const types = [schema.type ?? (schema.properties || schema.allOf ? "object" : "any")].flat();
  if (schema.nullable) types.push("null");
  return types.map((type) => named(description, schema, type)).join(" or ");
}

/**
 * @param {Description} description
 * @param {Schema} schema
 * @param {string} type
 */
function named(description, schema, type) {
  if (type === "array") return `array of ${typeText(description, schema.items ?? {})}`;
  const values = schema.additionalProperties;
  if (type === "object" && !schema.properties && values && typeof values === "object") {
    return `map of ${typeText(description, values)}`;
  }
  return schema.format && type !== "null" ? `${type} (${schema.format})` : type;
}

/**
 * What a value must also satisfy, in words.
 * @param {Schema} schema
 * @returns {string[]}
 */
export function boundsOf(schema) {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = schema;
  /** @type {[string, unknown][]} */
  const bounds = [
    ["at least", minimum],
    ["at most", maximum],
    ["characters, at least", minLength],
    ["characters, at most", maxLength],
    ["items, at least", minItems],
    ["items, at most", maxItems],
    ["pattern", pattern],
    ["default", schema.default === undefined ? undefined : JSON.stringify(schema.default)],
  ];
  return bounds.filter(([, value]) => value !== undefined && value !== null).map(([words, value]) => `${words} ${value}`);
}

/**
 * The fields of an object, those of its parts (`allOf`) among them. For an array, the fields of its items.
 * @param {Description} description
 * @param {Schema} schema
 * @returns {{ name: string, schema: Schema, required: boolean }[]} empty for what has no fields
 */
export function fieldsOf(description, schema) {
  /** @type {Map<string, { name: string, schema: Schema, required: boolean }>} */
  const fields = new Map();
  const whole = resolve(description, schema);
  for (const part of [...(whole.allOf ?? []), ...(whole.oneOf ?? whole.anyOf ?? [])]) {
    if ([part.type].flat().includes("null")) continue;
    for (const field of fieldsOf(description, part)) fields.set(field.name, field);
  }
  for (const [name, field] of Object.entries(whole.properties ?? {})) {
    fields.set(name, { name, schema: field, required: whole.required?.includes(name) ?? false });
  }
  if (fields.size) return [...fields.values()];
  if (whole.items) return fieldsOf(description, whole.items);
  return typeof whole.additionalProperties === "object" ? fieldsOf(description, whole.additionalProperties) : [];
}

/**
 * A value that fits the schema, the author's own examples first. What only the server writes is left out.
 * @param {Description} description
 * @param {Schema} node
 * @param {number} [depth]
 * @returns {unknown}
 */
export function exampleOf(description, node, depth = 0) {
  const schema = resolve(description, node);
  const given = schema.example ?? schema.examples?.[0] ?? schema.default ?? schema.const ?? schema.enum?.[0];
  if (given !== undefined) return given;
  const parts = schema.allOf ?? [];
  const choice = (schema.oneOf ?? schema.anyOf)?.find((one) => ![one.type].flat().includes("null"));
  if (choice) return exampleOf(description, choice, depth);
  const type = [schema.type ?? (schema.properties || parts.length ? "object" : "any")].flat()[0];
  if (type === "object") {
    if (depth >= EXAMPLE_DEPTH_MAX) return {};
    const fields = fieldsOf(description, schema).filter((field) => !resolve(description, field.schema).readOnly);
    if (!schema.properties && !parts.length) return {};
    return Object.fromEntries(fields.map(({ name, schema: field }) => [name, exampleOf(description, field, depth + 1)]));
  }
  if (type === "array") {
    return depth >= EXAMPLE_DEPTH_MAX || !schema.items ? [] : [exampleOf(description, schema.items, depth + 1)];
  }
  return { string: "", integer: schema.minimum ?? 0, number: schema.minimum ?? 0, boolean: false }[type ?? ""] ?? null;
}

/**
 * The example that stands in the form for a body.
 * @param {Description} description
 * @param {Media} media
 * @returns {string} as JSON, or the bare text of an example that is text
 */
export function bodyText(description, media) {
  const named = Object.values(media.examples ?? {})[0]?.value;
  const example = media.example ?? named ?? exampleOf(description, media.schema ?? {});
  return typeof example === "string" ? example : JSON.stringify(example, null, 2);
}
