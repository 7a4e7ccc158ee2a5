// A real browser for tests: Debian's Chromium without a window. A page that asks another host for anything,
// or that reports an error, fails its test.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.NICTATE_TEST_CHROMIUM ?? "/usr/bin/chromium";
/** Quiet: no sandbox below root, no graphics, and none of the browser's own calls home. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** @import { Browser, BrowserContextOptions, Page } from "playwright-core" */

/** @returns {Promise<Browser>} */
export function startBrowser() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/**
 * Runs a test on a fresh page, in a profile of its own.
 * @param {Browser} browser
 * @param {string} url
 * @param {(page: Page) => Promise<void>} work
 * @param {BrowserContextOptions} [options]
 */
export async function onPage(browser, url, work, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // The browser reports every answer of 400 and above as an error; those are what tests ask for.
    const expected = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !expected) complaints.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) complaints.push(`asked ${request.url()}`);
  });
  try {
    await page.goto(url);
    await work(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}
