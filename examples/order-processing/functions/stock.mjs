// Reserves an item for an order, or releases all that an order has reserved. A second reservation changes nothing, so
// that the call can be repeated after a failure.
import fs from "node:fs";
import path from "node:path";
import { serve } from "../../runtime/lambda_runtime.mjs";

const catalogue = JSON.parse(fs.readFileSync(process.env.CATALOGUE, "utf8"));
const file = path.join(process.env.DATA_DIR, "stock.json");

class OutOfStock extends Error {
  name = "OutOfStock";
}

function read() {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};
}

function write(reservations) {
  fs.mkdirSync(process.env.DATA_DIR, { recursive: true });
  fs.writeFileSync(`${file}.new`, JSON.stringify(reservations, null, 2));
  fs.renameSync(`${file}.new`, file);
}

function reserve(reservations, order, { sku, quantity }) {
  const reserved = Object.entries(reservations).filter(([other]) => other !== order);
  const left = catalogue[sku].stock - reserved.reduce((sum, [, items]) => sum + (items[sku] ?? 0), 0);
  if (quantity > left) throw new OutOfStock(`${quantity} of ${sku} are ordered, ${left} are left`);
  reservations[order] = { ...reservations[order], [sku]: quantity };
  return { sku, reserved: quantity };
}

serve(({ action, order, item }) => {
  const reservations = read();
  const answer = action === "reserve" ? reserve(reservations, order, item) : { released: delete reservations[order] };
  write(reservations);
  return answer;
});
