// The page of a link to set a password. The code stands after the hash sign, so that it is in no log of a proxy.

const form = /** @type {HTMLFormElement} */ (document.getElementById("form"));
const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));
const again = /** @type {HTMLInputElement} */ (document.getElementById("again"));
const outcome = /** @type {HTMLElement} */ (document.getElementById("outcome"));

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
    outcome.textContent = "The two are not the same.";
    return;
  }
  outcome.textContent = "…";
  outcome.textContent = await set(password.value);
});

/**
 * Sets the password; answers what to tell.
 * @param {string} chosen
 */
async function set(chosen) {
  try {
    const answer = await fetch(`/api/v1/password_reset/${encodeURIComponent(code)}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-nictate-csrf": "1" },
      body: JSON.stringify({ password: chosen }),
    });
    if (answer.ok) {
      form.hidden = true;
      return "The password is set. Sign in with it.";
    }
    const error = await answer.json();
    return `Not set: ${error.message}.`;
  } catch {
    return "The server cannot be reached; try again.";
  }
}
