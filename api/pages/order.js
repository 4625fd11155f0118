// A guest's token came behind the #, which no server sees; it goes into a header only. It stays there, so that the page
// can be kept as a bookmark. Who has an account signs in.
import { ask, list, money, part, say, show_token, sign_in } from "/account/shop.js";

const given = new URLSearchParams(location.hash.slice(1));
const path = `/api/orders/${encodeURIComponent(given.get("id"))}`;
const INVOICED = ["partially_paid", "paid", "partially_refunded", "refunded"];

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

async function show() {
  const order = await (await ask(path)).json();
  part("number").textContent = order.number;
  part("standing").textContent = WORDS[order.status] + paid(order) + sent(order);
  list(order.breakdown.map(({ label, amount }) => `${label}: ${money(amount)}`));
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

if (given.has("token")) {
  show_token(given.get("token"));
  await show();
} else {
  sign_in(show);
}
