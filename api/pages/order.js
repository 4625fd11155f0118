// A guest's token came behind the #, which no server sees; it goes into a header only. It stays there, so that the page
// can be kept as a bookmark. Who has an account signs in.
import { ask, list, part, say, show_token, sign_in, sum, word } from "/account/shop.js";

const given = new URLSearchParams(location.hash.slice(1));
const path = `/api/orders/${encodeURIComponent(given.get("id"))}`;
const INVOICED = ["partially_paid", "paid", "partially_refunded", "refunded"];
const GIVEN_BACK = ["partially_refunded", "refunded"];

async function show() {
  const order = await (await ask(path)).json();
  const { status, payment_status: paid, fulfilment_status: sent } = order;
  part("number").textContent = order.number;
  // What the API says in states, said to people.
  part("standing").textContent = [`status.${status}`, `paid.${paid}`, `sent.${sent}`].map(word).join(" ");
  list(order.breakdown.map(sum));
  part("total").textContent = sum({ label: "Total", amount: order.total });
  part("late").textContent = order.lines.some((line) => line.backordered) ? word("late") : "";
  part("cancel").hidden = !["pending", "confirmed"].includes(status) || sent !== "unfulfilled";
  part("invoice").hidden = !INVOICED.includes(paid);
  if (GIVEN_BACK.includes(paid)) await show_notes();
}

async function show_notes() {
  const notes = await (await ask(`${path}/credit-notes`)).json();
  part("notes").replaceChildren(...notes.items.map(({ id, number }) => {
    const button = document.createElement("button");
    button.textContent = word("note").replace("{number}", number);
    button.addEventListener("click", () => open(`credit-notes/${id}`));
    return button;
  }));
}

async function open(paper) {
  location.assign(URL.createObjectURL(await (await ask(`${path}/${paper}`)).blob()));
}

part("invoice").addEventListener("click", () => open("invoice"));
part("cancel").addEventListener("click", async () => {
  await ask(`${path}/cancel`, { method: "POST" });
  await show();
});

if (given.has("token")) {
  show_token(given.get("token"));
  await show();
} else {
  sign_in(show);
}
