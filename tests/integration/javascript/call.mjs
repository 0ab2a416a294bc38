// Calls an operation with AWS's own client for JavaScript. First argument: the directory whose
// node_modules have it; second: {"client", "operation", "input", "endpoint", "region",
// "accessKeyId", "secretAccessKey"}. Prints {"output"} or {"error": {"name", "message"}}.
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const given = JSON.parse(process.argv[3]);
const library = require(`@aws-sdk/client-${given.client}`);

const [Client] = Object.entries(library).find(
  ([name, value]) => name.endsWith("Client") && !name.startsWith("__") && value.prototype?.send,
).slice(1);
// Times travel as numbers of milliseconds to here, and are dates there.
for (const entry of given.input.Entries ?? []) {
  if (entry.Time !== undefined) entry.Time = new Date(entry.Time);
}
const client = new Client({
  region: given.region,
  endpoint: given.endpoint,
  maxAttempts: 1,
  credentials: { accessKeyId: given.accessKeyId, secretAccessKey: given.secretAccessKey },
});
try {
  const { $metadata, ...output } = await client.send(
    new library[`${given.operation}Command`](given.input),
  );
  console.log(JSON.stringify({ output }));
} catch (error) {
  console.log(JSON.stringify({ error: { name: error.name, message: error.message } }));
}
