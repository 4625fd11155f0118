// What is in the cart of whoever signs in.
import { ask, list, part, say, sign_in, money } from "/account/shop.js";

sign_in(async () => {
  const cart = await (await ask("/api/cart/me")).json();
  list(cart.breakdown.map(({ label, amount }) => `${label}: ${money(amount)}`));
  part("total").textContent = cart.lines.length ? `Total ${money(cart.total)}` : "There is nothing in it.";
  say(cart.problems.map((problem) => problem.detail).join(" "));
});
