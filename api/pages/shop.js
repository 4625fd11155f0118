// What the pages share: words, asking the API, signing in, and writing money.
export const part = (id) => document.getElementById(id);
const words = new Map([...part("words").content.children].map((one) => [one.dataset.word, one.textContent]));
export const word = (name) => words.get(name) ?? "";
export const say = (text) => { document.querySelector("[role=status]").textContent = text; };

// Who has signed in is known to this page alone, and forgotten with it.
let known = {};
export const show_token = (token) => { known = { "X-Order-Token": token }; };

export async function ask(where, options = {}) {
  const answer = await fetch(where, { ...options, headers: { ...options.headers, ...known } });
  if (answer.ok) return answer;
  say(word((await answer.json()).code) || word("else"));
  throw new Error(answer.status);
}

export const post = (where, body) =>
  ask(where, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export function sign_in(then) {
  const form = part("sign-in");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { access_token } = await (await post("/api/auth/login", Object.fromEntries(new FormData(form)))).json();
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

// What stands before the amounts of a sum is said by the API in English.
export const sum = ({ label, amount }) => {
  const [first, ...rest] = label.split(", ");
  return `${[word(first) || first, ...rest].join(", ")}: ${money(amount)}`;
};

// Digits behind the point by ISO 4217, where they are not two (iso4217.py): browsers follow habits instead.
const WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(" ");
const THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND".split(" ");
const written = document.documentElement.lang; // de; the reader may have said de-AT
const locale = navigator.languages.find((one) => one.startsWith(written)) ?? written;
export const money = ({ amount, currency }) => {
  const digits = WHOLE.includes(currency) ? 0 : THOUSANDTHS.includes(currency) ? 3 : 2;
  const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(locale, { style: "currency", currency, ...fraction }).format(amount / 10 ** digits);
};
