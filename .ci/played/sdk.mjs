// The TypeScript SDKs, version 1 and 2: `node sdk.mjs ts-sdk-1|ts-sdk-2`. No model: prints what the client receives.
import { readFileSync } from "node:fs";

const [library, stdio] =
  process.argv[2] === "ts-sdk-1"
    ? ["@modelcontextprotocol/sdk/client/index.js", "@modelcontextprotocol/sdk/client/stdio.js"]
    : ["@modelcontextprotocol/client", "@modelcontextprotocol/client/stdio"];
const { Client } = await import(library);
const { StdioClientTransport } = await import(stdio);
const scenarios = JSON.parse(readFileSync(process.env.SCENARIOS, "utf8"));

const client = new Client({ name: "check", version: "1.0.0" });
await client.connect(
  new StdioClientTransport({ command: process.env.SERVER, args: ["serve"], env: process.env, stderr: "ignore" }),
);
const { tools } = await client.listTools();
const tool = tools.find(({ name }) => name === "extract_entities");
const results = {};
for (const [name, args] of Object.entries(scenarios)) {
  const result = await client.callTool({ name: "extract_entities", arguments: args });
  results[name] = { result: result.content.map(({ text }) => text).join("\n"), is_error: result.isError ?? false };
}
await client.close();
console.log(JSON.stringify({ tool: { ...tool, schema: tool.inputSchema }, results }));
