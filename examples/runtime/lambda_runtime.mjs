// A Lambda runtime client: asks for invocations and answers them, in plain Node.js.
// aws-lambda-ric does the same and more; this one shows how little it takes.
import http from "node:http";

/** Answers each invocation with what `answer(input)` gives, for ever. An error's name is the name of the failure. */
export async function serve(answer) {
  for (;;) {
    const invocation = await call("GET", "next");
    const requestId = invocation.headers["lambda-runtime-aws-request-id"];
    try {
      await call("POST", `${requestId}/response`, await answer(JSON.parse(invocation.body)));
    } catch (error) {
      const trace = String(error.stack).split("\n");
      await call("POST", `${requestId}/error`, { errorType: error.name, errorMessage: error.message, trace });
    }
  }
}

function call(method, path, body) {
  const url = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/${path}`;
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method }, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() });
    });
    request.on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
