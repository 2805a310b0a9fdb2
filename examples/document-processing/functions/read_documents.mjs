// Reads documents. The answer holds JSON in a string; the text of a file that is not UTF-8 is null.
import fs from "node:fs";
import path from "node:path";
import { serve } from "../../runtime/lambda_runtime.mjs";

const decoder = new TextDecoder("utf-8", { fatal: true });

function read(file) {
  try {
    return decoder.decode(fs.readFileSync(file));
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

serve(({ folder, names }) => ({
  documents: JSON.stringify(names.map((name) => ({ name, text: read(path.join(folder, name)) }))),
}));
