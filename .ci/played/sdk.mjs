// The TypeScript SDKs, version 1 and 2: `node sdk.mjs ts-sdk-1|ts-sdk-2`. No model: prints what the client receives.
import { readFileSync } from "node:fs";

const [library, stdio] =
  process.argv[2] === "ts-sdk-1"
    ? ["@modelcontextprotocol/sdk/client/index.js", "@modelcontextprotocol/sdk/client/stdio.js"]
    : ["@modelcontextprotocol/client", "@modelcontextprotocol/client/stdio"];
const { Client } = await import(library);
const { StdioClientTransport } = await import(stdio);
const scenarios = JSON.parse(readFileSync(process.env.SCENARIOS, "utf8"));

const seen = { results: {} };
for (const [name, { arguments: args, env }] of Object.entries(scenarios)) {
  const client = new Client({ name: "check", version: "1.0.0" });
  const server = { command: process.env.SERVER, args: ["serve"], env: { ...process.env, ...env }, stderr: "ignore" };
  await client.connect(new StdioClientTransport(server), { timeout: 120_000 });
  const { tools } = await client.listTools();
  const tool = tools.find((one) => one.name === "extract_entities");
  seen.tool = { ...tool, schema: tool.inputSchema };
  const result = await client.callTool({ name: "extract_entities", arguments: args });
  seen.results[name] = { result: result.content.map(({ text }) => text).join("\n"), is_error: result.isError ?? false };
  await client.close();
}
console.log(JSON.stringify(seen));
