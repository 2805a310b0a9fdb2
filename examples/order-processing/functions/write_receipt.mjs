// Writes the receipt of an order.
import fs from "node:fs";
import path from "node:path";
import { serve } from "../../runtime/lambda_runtime.mjs";

const folder = path.join(process.env.DATA_DIR, "receipts");

const line = (text, cents) => `${text.padEnd(24)}${(cents / 100).toFixed(2).padStart(10)}\n`;

serve(({ order, lines, shipping_cents, total_cents, reservations, paid }) => {
  const text =
    `Receipt of ${order}\n\n` +
    lines.map((item) => line(item.text, item.cents)).join("") +
    line("Shipping", shipping_cents) +
    line("Total", total_cents) +
    `\nPaid with ${paid.payment} at attempt ${paid.attempts}\n`;
  const receipt = path.join(folder, `${order}.txt`);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(receipt, text);
  return { order, total_cents, items_reserved: reservations, payment_attempts: paid.attempts, receipt };
});
