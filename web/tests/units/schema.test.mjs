// Reading a description: operations in order, references, types in words, examples.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import {
  bodyText, boundsOf, exampleOf, fieldsOf, matches, operationsOf, resolve, typeText,
} from "../../../crates/server/assets/docs/schema.js";

/** @import { Operation, Schema } from "../../../crates/server/assets/docs/schema.js" */

const sample = JSON.parse(await readFile(new URL("../sample/openapi.json", import.meta.url), "utf8"));

/**
 * @param {string} id
 * @returns {Operation}
 */
function operation(id) {
  const found = operationsOf(sample).find((one) => one.id === id);
  assert(found, `no operation ${id}`);
  return found;
}

test("operations stand in the order of the tags, and those without a tag come last", () => {
  const ids = operationsOf(sample).map(({ id }) => id);
  assert.deepEqual(ids, ["ZebraList", "ConnectionCreate", "ConnectionGetById", "get /untagged"]);
});

test("parameters of the path and of the operation are one list, in the order of the path", () => {
  assert.deepEqual(operation("ConnectionGetById").parameters.map(({ name }) => name), ["ws_id", "id", "full"]);
});

test("an answer that is a reference is read through it", () => {
  const answers = operation("ConnectionGetById").answers.map(([status, { description }]) => [status, description]);
  assert.deepEqual(answers, [["200", "ok"], ["404", "Cannot find Connection"]]);
});

test("a reference that leads nowhere or to itself is an empty schema", () => {
  const looped = { components: { schemas: { A: { $ref: "#/components/schemas/A" } } } };
  assert.equal(resolve(looped, /** @type {Schema} */ ({ $ref: "#/components/schemas/A" })).type, undefined);
  assert.deepEqual(resolve({}, { $ref: "#/nowhere" }), {});
});

test("every word of the filter must be found", () => {
  const one = operation("ConnectionGetById");
  for (const text of ["", "getbyid", "GET connection", "workspace {id}"]) assert(matches(one, text), text);
  assert(!matches(one, "connection zebra"));
});

test("types are said in words", () => {
  /** @type {[Schema, string][]} */
  const cases = [
    [{ type: "string" }, "string"],
    [{ type: ["integer", "null"], format: "int64" }, "integer (int64) or null"],
    [{ type: "string", nullable: true }, "string or null"],
    [{ type: "array", items: { $ref: "#/components/schemas/models.Connection" } }, "array of models.Connection"],
    [{ type: "object", additionalProperties: { type: "string" } }, "map of string"],
    [{ oneOf: [{ type: "null" }, { $ref: "#/components/schemas/Attribute" }] }, "null or Attribute"],
    [{ enum: ["a", 1] }, 'one of "a", 1'],
    [{ allOf: [{ $ref: "#/components/schemas/Attribute" }] }, "Attribute"],
    [{}, "any"],
  ];
  for (const [schema, words] of cases) assert.equal(typeText(sample, schema), words);
});

test("bounds are said in words", () => {
  assert.deepEqual(boundsOf({ maxLength: 255, default: "x" }), ["characters, at most 255", 'default "x"']);
});

test("fields of all parts are one list, and an array shows those of its items", () => {
  const fields = fieldsOf(sample, { type: "array", items: { $ref: "#/components/schemas/ErrorWrapper" } });
  assert.deepEqual(fields.map(({ name, required }) => [name, required]), [["message", true], ["status", false]]);
});

test("an example takes the author's values, leaves out what only the server writes, and ends", () => {
  const example = exampleOf(sample, { $ref: "#/components/schemas/models.Connection" });
  const { name, status, attributes, parent, ...others } = /** @type {Record<string, unknown>} */ (example);
  assert.deepEqual({ name, status, attributes, others }, { name: "slack", status: "ok", attributes: {}, others: {} });
  assert(JSON.stringify(parent).length < 2000);
});

test("a body's own example comes before one made from its schema", () => {
  const schema = { type: "object", properties: { a: { type: "integer" } } };
  assert.equal(bodyText(sample, { schema, examples: { one: { value: { a: 5 } } } }), '{\n  "a": 5\n}');
  assert.equal(bodyText(sample, { schema, example: "name: x\n" }), "name: x\n");
  assert.equal(bodyText(sample, { schema }), '{\n  "a": 0\n}');
});
