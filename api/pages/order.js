// The token came behind the #, which no server sees; it goes into a header only. It stays there, so that the page
// can be kept as a bookmark.
const given = new URLSearchParams(location.hash.slice(1));
const path = `/api/orders/${encodeURIComponent(given.get("id"))}`;
const headers = { "X-Order-Token": given.get("token") || "" };
const INVOICED = ["partially_paid", "paid", "partially_refunded", "refunded"];
const part = (id) => document.getElementById(id);
const say = (text) => { document.querySelector("[role=status]").textContent = text; };
// Digits behind the point by ISO 4217, where they are not two (iso4217.py): browsers follow habits instead.
const WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(" ");
const THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND".split(" ");
const money = ({ amount, currency }) => {
  const digits = WHOLE.includes(currency) ? 0 : THOUSANDTHS.includes(currency) ? 3 : 2;
  const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat("en", { style: "currency", currency, ...fraction }).format(amount / 10 ** digits);
};

async function ask(where, options = {}) {
  const answer = await fetch(where, { ...options, headers });
  if (answer.ok) return answer;
  say((await answer.json()).detail);
  throw new Error(answer.status);
}

async function show() {
  const order = await (await ask(path)).json();
  part("number").textContent = order.number;
  part("standing").textContent = `${order.status}, ${order.payment_status}, ${order.fulfilment_status}`.replaceAll("_", " ");
  part("lines").replaceChildren(...order.lines.map((line) => {
    const item = document.createElement("li");
    const later = line.backordered ? ` (${line.backordered} not come in yet)` : "";
    item.textContent = `${line.quantity} x ${line.name}: ${money(line.total)}${later}`;
    return item;
  }));
  part("total").textContent = order.breakdown.map(({ label, amount }) => `${label} ${money(amount)}`)
    .concat(`Total ${money(order.total)}`).join(" · ");
  part("invoice").hidden = !INVOICED.includes(order.payment_status);
  part("cancel").hidden = !["pending", "confirmed"].includes(order.status) || order.fulfilment_status !== "unfulfilled";
}

part("invoice").addEventListener("click", async () => {
  location.assign(URL.createObjectURL(await (await ask(`${path}/invoice`)).blob()));
});
part("cancel").addEventListener("click", async () => {
  await ask(`${path}/cancel`, { method: "POST" });
  say("It is being called off.");
  await show();
});
show();
