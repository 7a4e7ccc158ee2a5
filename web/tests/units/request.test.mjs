// From a form to a request, and to a line for the shell.

import assert from "node:assert/strict";
import { test } from "node:test";

import { curlOf, requestOf } from "../../../crates/server/assets/docs/request.js";

/** @import { Operation } from "../../../crates/server/assets/docs/schema.js" */

/** @type {Operation} */
const OPERATION = {
  id: "X", method: "POST", path: "/workspace/{ws_id}/things/{id}", tag: "T", summary: "", description: "",
  parameters: [
    { name: "ws_id", in: "path" },
    { name: "id", in: "path" },
    { name: "q", in: "query" },
    { name: "force", in: "query" },
    { name: "if-match", in: "header" },
  ],
  body: { content: {} }, answers: [], access: "", deprecated: false,
};

/**
 * @param {Record<string, string>} parameters
 * @param {string} body
 */
function request(parameters, body) {
  const values = {
    parameters: new Map(Object.entries(parameters)),
    body, bodyType: "application/json", keyHeader: "BLINK-API-KEY", key: "secret",
  };
  return requestOf(OPERATION, "/api/v1", values);
}

test("values are put where they belong, encoded", () => {
  const made = request({ "path ws_id": "w", "path id": "a/b", "query q": '{"limit":1}', "header if-match": '"7"' }, "{}");
  assert.deepEqual(made, {
    url: "/api/v1/workspace/w/things/a%2Fb?q=%7B%22limit%22%3A1%7D",
    method: "POST",
    headers: { accept: "application/json", "if-match": '"7"', "BLINK-API-KEY": "secret", "content-type": "application/json" },
    body: "{}",
  });
});

test("an empty workspace stays an empty segment, and empty values are not sent", () => {
  const { url, headers, body } = request({ "path id": "1", "query force": "" }, "");
  assert.equal(url, "/api/v1/workspace//things/1");
  assert.deepEqual(headers, { accept: "application/json", "BLINK-API-KEY": "secret" });
  assert.equal(body, undefined);
});

test("a line for the shell quotes everything and does not hold the key", () => {
  const line = curlOf(request({ "path id": "1" }, `{"it's": 1}`), "https://n.example", "BLINK-API-KEY");
  assert.equal(
    line,
    `curl -X POST 'https://n.example/api/v1/workspace//things/1' -H 'accept: application/json' ` +
      `-H "BLINK-API-KEY: $NICTATE_API_KEY" -H 'content-type: application/json' --data-binary '{"it'\\''s": 1}'`,
  );
});
