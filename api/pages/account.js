// The token came behind the #: it is sent in a body only, and taken out of the address bar.
import { post, say, word } from "/account/shop.js";

const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);
const form = document.querySelector("form");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const chosen = event.submitter?.name ? { [event.submitter.name]: true } : {};
  await post(form.dataset.path, { token, ...chosen, ...Object.fromEntries(new FormData(form)) });
  form.hidden = true;
  say(word("done"));
});
