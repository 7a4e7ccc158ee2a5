// What every JavaScript step begins with. Its code is the body of an async function that sees the run as `context`; what
// it returns, and the variables that it has changed, go back as one JSON document.
(() => {
  const roots = ["inputs", "steps", "variables", "event", "metadata"];
  globalThis.run = async (code, text) => {
    const given = (text === "" ? null : JSON.parse(text).context) ?? {};
    const context = Object.fromEntries(roots.map((root) => [root, given[root] ?? {}]));
    const before = new Map(Object.entries(context.variables).map(([name, value]) => [name, JSON.stringify(value)]));
    // On one line with the code, whose lines keep their numbers.
    const step = (0, eval)(`(async (context) => { ${code}\n})`);
    const returned = await step(context);
    if (typeof context.variables !== "object" || context.variables === null) {
      throw new TypeError("`context.variables` is no object any more");
    }
    const after = new Map(Object.entries(context.variables).map(([name, value]) => [name, JSON.stringify(value) ?? "null"]));
    const changed = [...after].filter(([name, value]) => before.get(name) !== value);
    for (const name of before.keys()) if (!after.has(name)) changed.push([name, "null"]);
    const parts = [];
    const result = returned === undefined || returned === null ? undefined : JSON.stringify(returned);
    if (result !== undefined) parts.push(`"returned":${result}`);
    if (changed.length > 0) {
      parts.push(`"variables":{${changed.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`);
    }
    return parts.length === 0 ? undefined : `{${parts.join(",")}}`;
  };
})();
