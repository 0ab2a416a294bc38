// Signs with AWS's own signer for JavaScript what test_sigv4.py sends: one case a line on
// stdin, one object of the headers to add a line on stdout. First argument: the directory
// whose node_modules have it.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.argv[2]}/`);
const { SignatureV4 } = require("@smithy/signature-v4");
const { Sha256 } = require("@aws-crypto/sha256-js");

const added = ["x-amz-date", "x-amz-security-token", "authorization"];

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  const query = {};
  for (const parameter of given.query.split("&").filter(Boolean)) {
    const [name, value = ""] = parameter.split("=");
    query[name] = [...(query[name] ?? []), value];
  }
  const signer = new SignatureV4({
    region: given.region,
    service: given.service,
    sha256: Sha256,
    applyChecksum: false,
    credentials: {
      accessKeyId: given.access_key_id,
      secretAccessKey: given.secret_access_key,
      ...(given.session_token ? { sessionToken: given.session_token } : {}),
    },
  });
  const signed = await signer.sign(
    {
      method: given.method,
      protocol: "https:",
      hostname: given.host,
      path: given.path,
      query,
      headers: { ...Object.fromEntries(given.headers), host: given.host },
      body: given.body,
    },
    { signingDate: new Date(given.now_ms) },
  );
  const headers = Object.fromEntries(
    Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  console.log(JSON.stringify(added.map((name) => headers[name] ?? "")));
}
