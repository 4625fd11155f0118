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

// What the API says in states, said to people.
const WORDS = {
  pending: "We are working on it.", confirmed: "It is confirmed.", failed: "It could not be completed; nothing is owed for it.",
  cancelling: "It is being cancelled.", cancelled: "It is cancelled.",
};
const PAID = {
  action_required: "Your bank waits for your answer.", pending: "We wait for your payment.", authorised: "The amount is reserved at your bank.",
  partially_paid: "It is paid in part.", paid: "It is paid.", partially_refunded: "A part of the money went back to you.",
  refunded: "The money went back to you.",
};
const SENT = { partial: "A part of it is packed or on its way.", fulfilled: "It is packed or on its way." };
const paid = (order) => (order.payment_status in PAID ? ` ${PAID[order.payment_status]}` : "");
const sent = (order) => (order.fulfilment_status in SENT ? ` ${SENT[order.fulfilment_status]}` : "");
const entry = (text) => Object.assign(document.createElement("li"), { textContent: text });

async function ask(where, options = {}) {
  const answer = await fetch(where, { ...options, headers });
  if (answer.ok) return answer;
  say((await answer.json()).detail);
  throw new Error(answer.status);
}

async function show() {
  const order = await (await ask(path)).json();
  part("number").textContent = order.number;
  part("standing").textContent = WORDS[order.status] + paid(order) + sent(order);
  part("lines").replaceChildren(...order.breakdown.map(({ label, amount }) => entry(`${label}: ${money(amount)}`)));
  part("total").textContent = `Total ${money(order.total)}`;
  part("late").textContent = order.lines.filter((line) => line.backordered)
    .map((line) => `${line.backordered} of ${line.name} have not come in yet.`).join(" ");
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
