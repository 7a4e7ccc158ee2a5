// The page of an invitation's link. The code stands after the hash sign, so that it is in no log of a proxy.

const form = /** @type {HTMLFormElement} */ (document.getElementById("form"));
const name = /** @type {HTMLInputElement} */ (document.getElementById("name"));
const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));
const again = /** @type {HTMLInputElement} */ (document.getElementById("again"));
const outcome = /** @type {HTMLElement} */ (document.getElementById("outcome"));
const welcome = /** @type {HTMLElement} */ (document.getElementById("welcome"));

const code = location.hash.slice(1);
// Whoever looks at the address or the history later does not find it.
history.replaceState(null, "", location.pathname);

if (code === "") {
  form.hidden = true;
  outcome.textContent = "The address is incomplete: open the whole link.";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (password.value !== again.value) {
    outcome.textContent = "The two passwords are not the same.";
    return;
  }
  outcome.textContent = "…";
  outcome.textContent = await accept({ name: name.value.trim(), password: password.value });
});

/**
 * Accepts the invitation; answers what to tell.
 * @param {{ name: string, password: string }} person
 */
async function accept(person) {
  try {
    const answer = await fetch(`/api/v1/invite/${encodeURIComponent(code)}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-nictate-csrf": "1" },
      body: JSON.stringify(person),
    });
    if (answer.ok) {
      form.hidden = true;
      welcome.hidden = false;
      return "You are in.";
    }
    const error = await answer.json();
    return `Not accepted: ${error.message}.`;
  } catch {
    return "The server cannot be reached; try again.";
  }
}
