// The API reference as a page, over the sample description: what one sees, does by mouse and by keyboard.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { onPage, startBrowser } from "../browser.mjs";
import { startSample } from "../sample/server.mjs";

/** @import { Browser, BrowserContextOptions, Page } from "playwright-core" */

/** @type {Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startSample>>} */
let sample;

before(async () => {
  // One after the other: what started is known to `after` if the next one fails.
  sample = await startSample();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await sample?.stop();
});

/**
 * @param {string} at what follows `/docs`
 * @param {(page: Page) => Promise<void>} work
 * @param {BrowserContextOptions} [options]
 */
const check = (at, work, options) => onPage(browser, `${sample.url}/docs${at}`, work, options);

test("the list names every operation under its tag", () =>
  check("", async (page) => {
    await page.getByRole("heading", { name: "Sample API" }).waitFor();
    const connections = page.getByRole("region", { name: "Connections" });
    assert.equal(await connections.getByRole("link").count(), 2);
    assert.equal(await page.getByRole("status").textContent(), "4 of 4 operations");
  }));

test("the filter narrows the list, and Enter opens what is first", () =>
  check("", async (page) => {
    await page.getByRole("navigation").getByRole("link").first().waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("getbyid");
    assert.equal(await page.getByRole("status").textContent(), "1 of 4 operations");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Gets a connection" }).waitFor();
    assert.equal(new URL(page.url()).hash, "#ConnectionGetById");
  }));

test("an address with an operation opens it", () =>
  check("#ConnectionGetById", async (page) => {
    await page.getByText("needs connection:view").waitFor();
    assert.equal(await page.title(), "ConnectionGetById, Sample API");
    await page.getByRole("link", { name: /Gets a connection/, exact: false }).and(page.locator("[aria-current]")).waitFor();
  }));

test("an operation that is not there is said to be missing", () =>
  check("#Nothing", async (page) => {
    await page.getByRole("alert").getByText("There is no operation Nothing.").waitFor();
  }));

test("sending fills the path, carries the key, and shows the answer", () =>
  check("#ConnectionGetById", async (page) => {
    await page.getByLabel("API key").fill("my-key");
    await page.getByLabel("id *").fill("missing");
    await page.getByLabel("full").selectOption("true");
    await page.getByRole("button", { name: "Send" }).click();
    const answer = page.getByRole("region", { name: "Answer" });
    await answer.getByText("404 Not Found").waitFor();
    const shown = JSON.parse((await answer.getByLabel("Answer body").textContent()) ?? "");
    assert.deepEqual(shown, { method: "GET", path: "/api/v1/workspace//connections/missing?full=true", key: "my-key", body: "" });
  }).then(() =>
    check("#ConnectionGetById", async (page) => {
      assert.equal(await page.getByLabel("API key").inputValue(), "", "the key was kept beyond its tab");
    }),
  ));

test("a required value that is missing is not sent", () =>
  check("#ConnectionGetById", async (page) => {
    await page.getByRole("button", { name: "Send" }).click();
    assert.equal(await page.getByLabel("id *").evaluate((input) => input.matches(":invalid:focus")), true);
    assert.equal(await page.getByRole("region", { name: "Answer" }).textContent(), "");
  }));

test("a call without an answer can be stopped, and the next one goes out", () =>
  check("#ConnectionGetById", async (page) => {
    await page.getByLabel("id *").fill("never");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("Sending…").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("region", { name: "Answer" }).getByText("Stopped.").waitFor();
    await page.getByLabel("id *").fill("1");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("status").getByText("200 OK in").waitFor();
  }));

test("what was sent stands there again at the next operation", () =>
  check("#ConnectionGetById", async (page) => {
    await page.getByLabel("ws_id").fill("my-workspace");
    await page.getByLabel("id *").fill("1");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("link", { name: /Creates a connection/ }).click();
    await page.getByRole("heading", { name: "Creates a connection" }).waitFor();
    assert.equal(await page.getByLabel("ws_id").inputValue(), "my-workspace");
  }));

test("a body starts from an example, and one that is no JSON is not sent", () =>
  check("#ConnectionCreate", async (page) => {
    const body = page.getByRole("textbox", { name: "Body" });
    assert.equal(JSON.parse(await body.inputValue()).name, "slack");
    await body.fill("{");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("This is no JSON").waitFor();
    assert.equal(await page.getByRole("region", { name: "Answer" }).textContent(), "");
    await body.fill('{"name": "<img src=x onerror=alert(1)>"}');
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByLabel("Answer body").getByText("<img src=x onerror").waitFor();
  }));

test("fields of a schema that holds itself open level by level", () =>
  check("#ConnectionCreate", async (page) => {
    await page.getByText("Fields of parent").first().click();
    await page.getByText("Fields of parent").nth(1).click();
    await page.getByText("Fields of parent").nth(2).waitFor();
  }));

test("everything that takes a value or a press has a name, and there is one first heading", () =>
  check("#ConnectionCreate", async (page) => {
    await page.getByRole("button", { name: "Send" }).waitFor();
    const nameless = await page.evaluate(() => {
      const controls = [...document.querySelectorAll("input, select, textarea, button")];
      const hasName = (/** @type {any} */ control) => control.labels?.length > 0 || control.textContent.trim() !== "";
      return controls.filter((control) => !hasName(control)).map((control) => control.outerHTML);
    });
    assert.deepEqual(nameless, []);
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1);
  }));

test("a deprecated operation says so", () =>
  check("#ZebraList", async (page) => {
    await page.getByText("Deprecated: it works").waitFor();
  }));

test("dark and light follow the reader", async () => {
  /** @type {string[]} */
  const colours = [];
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    const read = async (/** @type {Page} */ page) => {
      colours.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    };
    await check("", read, { colorScheme });
  }
  assert.deepEqual(colours, ["rgb(255, 255, 255)", "rgb(18, 22, 29)"]);
});

test("a narrow window needs no sideways scrolling", () =>
  check(
    "#ConnectionGetById",
    async (page) => {
      await page.getByRole("heading", { name: "Gets a connection" }).waitFor();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert(over <= 0, `${over} pixels too wide`);
    },
    { viewport: { width: 360, height: 700 } },
  ));
