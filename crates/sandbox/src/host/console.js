// `console` on top of the one function that the host gives. Lines of `log`, `info` and `debug` are standard output,
// lines of `warn` and `error` standard error. Values are shown as JSON where they have such a form.
((print) => {
  delete globalThis.__print;
  const show = (value) => {
    if (typeof value === "string") return value;
    if (value instanceof Error) return value.stack ? `${value}\n${value.stack}` : String(value);
    if (typeof value === "object" && value !== null) {
      try {
        return JSON.stringify(value);
      } catch {
        return String(value);
      }
    }
    return typeof value === "symbol" ? value.toString() : String(value);
  };
  const to = (stream) => (...values) => print(stream, values.map(show).join(" "));
  globalThis.console = { log: to(1), info: to(1), debug: to(1), warn: to(2), error: to(2) };
})(globalThis.__print);
