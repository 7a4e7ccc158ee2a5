// Serves the API reference over the sample description, with the strictest policy that the product may set,
// and answers every call with what it was asked: 404 for `missing`, nothing at all for `never`. For tests of the
// page alone.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

const ASSETS = new URL("../../../crates/server/assets/docs/", import.meta.url);
const SAMPLE = new URL("openapi.json", import.meta.url);
/** @type {Record<string, string>} */
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };

/** @returns {Promise<{ url: string, stop: () => Promise<void> }>} */
export async function startSample() {
  const server = createServer(async (request, response) => {
    const path = request.url ?? "/";
    response.setHeader("content-security-policy", "default-src 'self'");
    const file = path === "/docs" ? "index.html" : path.startsWith("/docs/") ? path.slice("/docs/".length) : null;
    if (file) {
      response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
      response.end(await readFile(new URL(file, ASSETS)));
      return;
    }
    if (path.includes("/never")) return;
    response.setHeader("content-type", "application/json");
    if (path === "/api/v1/openapi.json") {
      response.end(await readFile(SAMPLE));
      return;
    }
    let body = "";
    for await (const chunk of request) body += chunk;
    response.statusCode = path.includes("/missing") ? 404 : 200;
    response.end(JSON.stringify({ method: request.method, path, key: request.headers["blink-api-key"], body }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
