// The webhook handler that Momento's documentation describes, on Node: verify, check the age,
// put the event on the bus, answer.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";

const { PORT, ENDPOINT, SECRET } = process.env;
const bus = new EventBridgeClient({ region: "us-west-2", endpoint: ENDPOINT });

async function handle(signature, body) {
  if (signature !== createHmac("sha3-256", SECRET).update(body).digest("hex")) return 403;
  const event = JSON.parse(body);
  if (Date.now() - event.publish_timestamp > 60_000) return 403;
  const answer = await bus.send(new PutEventsCommand({
    Entries: [{
      Source: "Momento",
      DetailType: `${event.cache}#${event.topic}`,
      Detail: body,
      EventBusName: "default",
    }],
  }));
  return answer.FailedEntryCount > 0 ? 500 : 200;
}

createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", async () => {
    let status = 500;
    try {
      status = await handle(request.headers["momento-signature"], Buffer.concat(chunks).toString());
    } catch (error) {
      console.error(error.message);
    }
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end('{"message":"Success"}');
  });
}).listen(Number(PORT), "127.0.0.1");
