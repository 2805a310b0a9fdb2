// Shortens a text to its first words. It is busy the first time that an execution asks for a document.
import fs from "node:fs";
import path from "node:path";
import { serve } from "../../runtime/lambda_runtime.mjs";

const words = Number(process.env.WORDS);
const folder = path.join(process.env.DATA_DIR, "shorten");

class Busy extends Error {
  name = "Busy";
}

serve(({ execution, name, text }) => {
  const asked = path.join(folder, `${execution}-${name}`);
  if (!fs.existsSync(asked)) {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(asked, "");
    throw new Busy(`${name} has to wait; try again`);
  }
  return { text: `${text.trim().split(/\s+/).slice(0, words).join(" ")} …` };
});
