// What there is of an article, and what it costs. Anybody may see that.
import { ask, list, money, part, word } from "/account/shop.js";

const slug = new URLSearchParams(location.hash.slice(1)).get("slug");
const product = await (await ask(`/api/products/${encodeURIComponent(slug)}`)).json();
document.title = part("name").textContent = product.name;
part("description").textContent = product.description;
const said = (one) => (one.available || one.backorder ? "" : ` (${word("sold out")})`);
list(product.variants.map((one) => `${one.name}: ${money(one.price)}${said(one)}`));
