// The API reference of the real server, end to end: a person with a key reads a connection and the outputs of
// a run. What the page alone does is in reference.test.mjs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { onPage, startBrowser } from "../browser.mjs";
import { API_KEY, WORKSPACE_ID, startProduct } from "../product.mjs";

/** @import { Browser, Page } from "playwright-core" */
/** @import { Product } from "../product.mjs" */

const WORKFLOW = `
name: Greeting
workflow:
  - section: Steps
    steps:
      - id: S1
        action: internal.SetVariables
        inputs:
          Variables:
            - Name: greeting
              Type: String
              Value: hello from a run
outputs:
  greeting:
    value: '{{ variables.greeting }}'
    index: 1
`;

/** @type {Browser} */
let browser;
/** @type {Product} */
let product;

before(async () => {
  // One after the other: what started is known to `after` if the next one fails.
  product = await startProduct();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await product?.stop();
});

/**
 * Opens the reference, enters the key and finds the operation as a person would.
 * @param {string} path
 * @param {Record<string, string>} values
 * @param {(answer: { status: string, body: any }) => void} check
 * @param {string} [key]
 */
function send(path, values, check, key = API_KEY) {
  return onPage(browser, `${product.url}/docs`, async (page) => {
    await page.getByLabel("API key").fill(key);
    await page.getByLabel("Filter operations").fill(`GET ${path}`);
    const links = page.getByRole("navigation").getByRole("link");
    await links.filter({ has: page.getByText(path, { exact: true }) }).click();
    for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByRole("button", { name: "Send" }).click();
    check(await answerOf(page));
  });
}

/** @param {Page} page */
async function answerOf(page) {
  const answer = page.getByRole("region", { name: "Answer" });
  const body = (await answer.getByLabel("Answer body").textContent()) ?? "";
  return { status: (await answer.locator(".status").textContent()) ?? "", body: JSON.parse(body) };
}

const CONNECTION = "/workspace/{ws_id}/connections/{id}";

test("a connection that is not there is a 404 with its identifier", () =>
  send(CONNECTION, { ws_id: WORKSPACE_ID, "id *": "00000000-0000-7000-8000-000000000000" }, ({ status, body }) => {
    assert.match(status, /^404/);
    assert.equal(body.identifier, "connection_not_found");
    assert.equal(body.status, 404);
  }));

test("a call with a wrong key is a 401", () =>
  send(CONNECTION, { "id *": "x" }, ({ status }) => assert.match(status, /^401/), "wrong"));

test("a connection is shown in its array, with its secret masked", async () => {
  const { id } = await product.call("POST", "/connections", {
    name: "seen in the browser",
    type_name: "http_bearer",
    attributes: { base_url: { value: "https://example.com" }, token: { value: "very secret" } },
  });
  await send(CONNECTION, { "id *": id }, ({ status, body }) => {
    assert.match(status, /^200/);
    assert.equal(body.length, 1);
    assert.equal(body[0].name, "seen in the browser");
    assert.equal(body[0].attributes.token.value, "********");
    assert(!JSON.stringify(body).includes("very secret"));
  });
});

test("the outputs of a run are shown", async () => {
  const { id } = await product.call("POST", "/playbooks/ui", { name: "Greeting", playbook: WORKFLOW });
  await product.call("POST", `/playbooks/${id}/public`, { playbook: WORKFLOW, branched_from: 0, source: "manual" });
  await product.call("POST", `/playbooks/${id}/execute?run_sync=true&timeout=20`, {});
  const q = encodeURIComponent(JSON.stringify({ filter: { playbook_id: id }, sort: ["-started_at"], limit: 1 }));
  const { results } = await product.call("GET", `/executions?q=${q}`);
  await send("/workspace/{ws_id}/executions/{id}/outputs", { "id *": results[0].id }, ({ status, body }) => {
    assert.match(status, /^200/);
    assert(JSON.stringify(body).includes("hello from a run"), JSON.stringify(body));
  });
});
