// Quotes the shipping: a flat rate and a price for each kilogram that is begun.
import { serve } from "../../runtime/lambda_runtime.mjs";

serve(({ grams }) => ({ cents: 500 + 100 * Math.ceil(grams / 1000) }));
