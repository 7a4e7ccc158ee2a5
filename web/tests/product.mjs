// The real server, started for a test on a free port, with a folder of its own that goes away with it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const BINARY = process.env.NICTATE_TEST_BINARY ?? new URL("../../target/debug/nictate", import.meta.url).pathname;
const READY_TIMEOUT_MS = 30_000;

export const API_KEY = "browser-tests-0123456789abcdef0123456789abcdef";
export const WORKSPACE_ID = "00000000-0000-7000-8000-00000000b0b0";

/**
 * @typedef {{
 *   url: string,
 *   call: (method: string, path: string, body?: unknown) => Promise<any>,
 *   stop: () => Promise<void>,
 * }} Product `call` takes a path below the workspace and answers the JSON of a success; anything else throws
 */

/** @returns {Promise<Product>} when it is ready */
export async function startProduct() {
  const folder = await mkdtemp(join(tmpdir(), "nictate-browser-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = spawn(BINARY, ["serve", "--data", folder, "--listen", `127.0.0.1:${port}`], {
    env: { ...process.env, NICTATE_BOOTSTRAP_API_KEY: API_KEY, NICTATE_BOOTSTRAP_WORKSPACE_ID: WORKSPACE_ID },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  let running = true;
  server.stderr.on("data", (chunk) => (log += chunk));
  // A program that is not there ends with an error instead of an exit.
  const ended = once(server, "exit").catch((error) => (log += error)).finally(() => (running = false));

  const stop = async () => {
    server.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  for (const started = Date.now(); !(await isReady(url)); await sleep(20)) {
    if (!running || Date.now() - started > READY_TIMEOUT_MS) {
      await stop();
      throw new Error(`the server did not become ready:\n${log}`);
    }
  }
  return { url, stop, call: (method, path, body) => call(url, method, path, body) };
}

/** @param {string} url */
async function isReady(url) {
  return fetch(`${url}/api/v1/api/readiness`).then(({ ok }) => ok, () => false);
}

/**
 * @param {string} url
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 */
async function call(url, method, path, body) {
  const response = await fetch(`${url}/api/v1/workspace/${WORKSPACE_ID}${path}`, {
    method,
    headers: { "blink-api-key": API_KEY, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  assert(response.ok, `${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** @returns {Promise<number>} */
async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  assert(address && typeof address === "object");
  return address.port;
}
