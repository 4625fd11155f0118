// What the pages share: asking the API, signing in, and writing money.
export const part = (id) => document.getElementById(id);
export const say = (text) => { document.querySelector("[role=status]").textContent = text; };

// Who has signed in is known to this page alone, and forgotten with it.
let known = {};
export const show_token = (token) => { known = { "X-Order-Token": token }; };

export async function ask(where, options = {}) {
  const answer = await fetch(where, { ...options, headers: { ...options.headers, ...known } });
  if (answer.ok) return answer;
  say((await answer.json()).detail);
  throw new Error(answer.status);
}

export function sign_in(then) {
  const form = part("sign-in");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = JSON.stringify(Object.fromEntries(new FormData(form)));
    const headers = { "Content-Type": "application/json" };
    const { access_token } = await (await ask("/api/auth/login", { method: "POST", headers, body })).json();
    known = { Authorization: `Bearer ${access_token}` };
    form.reset();
    form.hidden = true;
    say("");
    addEventListener("pagehide", () => fetch("/api/auth/logout", { method: "POST", headers: known, keepalive: true }));
    await then();
  });
}

export function list(lines) {
  part("lines").replaceChildren(...lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
}

// Digits behind the point by ISO 4217, where they are not two (iso4217.py): browsers follow habits instead.
const WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(" ");
const THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND".split(" ");
export const money = ({ amount, currency }) => {
  const digits = WHOLE.includes(currency) ? 0 : THOUSANDTHS.includes(currency) ? 3 : 2;
  const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat("en", { style: "currency", currency, ...fraction }).format(amount / 10 ** digits);
};
