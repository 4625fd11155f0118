// The token came behind the #: it is sent in a body only, and taken out of the address bar.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);
const form = document.querySelector("form");
const status = document.querySelector("[role=status]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { token, ...Object.fromEntries(new FormData(form)) };
  const answer = await fetch(form.dataset.path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const problem = answer.ok ? null : await answer.json();
  form.hidden = answer.ok;
  status.textContent = answer.ok ? form.dataset.done : problem.detail;
});
