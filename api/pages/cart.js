// What is in the cart of whoever signs in.
import { ask, list, part, say, sign_in, sum, word } from "/account/shop.js";

sign_in(async () => {
  const cart = await (await ask("/api/cart/me")).json();
  list(cart.breakdown.map(sum));
  part("total").textContent = cart.lines.length ? sum({ label: "Total", amount: cart.total }) : word("empty");
  const problems = new Set(cart.problems.map(({ code, detail }) => word(code) || detail));
  say([...problems].join(" "));
});
