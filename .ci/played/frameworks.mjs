// The JavaScript frameworks, each with the played model: `node frameworks.mjs CLIENT`.
import { readFileSync } from "node:fs";

const scenarios = Object.entries(JSON.parse(readFileSync(process.env.SCENARIOS, "utf8")));
const command = { command: process.env.SERVER, args: ["serve"] };
const prompt = "Find the entities.";
const url = (scenario) => `${process.env.PLAYED}/${scenario}`;

async function langchain(scenario) {
  const { MultiServerMCPClient } = await import("@langchain/mcp-adapters");
  const { ChatOpenAI } = await import("@langchain/openai");
  const { createAgent } = await import("langchain");
  const client = new MultiServerMCPClient({ mcpServers: { uniner: { transport: "stdio", ...command, env: process.env } } });
  const model = new ChatOpenAI({ model: "played", apiKey: "none", configuration: { baseURL: `${url(scenario)}/v1` } });
  try {
    const agent = createAgent({ model, tools: await client.getTools() });
    await agent.invoke({ messages: [{ role: "user", content: prompt }] });
  } finally {
    await client.close();
  }
}

async function openaiAgents(scenario) {
  const agents = await import("@openai/agents");
  const { default: OpenAI } = await import("openai");
  agents.setTracingDisabled(true);
  const client = new OpenAI({ apiKey: "none", baseURL: `${url(scenario)}/v1` });
  const server = new agents.MCPServerStdio({ name: "uniner", ...command, env: process.env, clientSessionTimeoutSeconds: 120 });
  await server.connect();
  try {
    const model = new agents.OpenAIResponsesModel(client, "played");
    await agents.run(new agents.Agent({ name: "check", model, mcpServers: [server] }), prompt);
  } finally {
    await server.close();
  }
}

async function googleGenai(scenario) {
  const { GoogleGenAI, mcpToTool } = await import("@google/genai");
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
  const client = new Client({ name: "check", version: "1.0.0" });
  await client.connect(new StdioClientTransport({ ...command, env: process.env, stderr: "ignore" }));
  try {
    const google = new GoogleGenAI({ apiKey: "none", httpOptions: { baseUrl: url(scenario) } });
    await google.models.generateContent({ model: "played", contents: prompt, config: { tools: [mcpToTool(client)] } });
  } finally {
    await client.close();
  }
}

const run = { "langchain-js": langchain, "openai-agents-js": openaiAgents, "google-genai-js": googleGenai }[process.argv[2]];
for (const [scenario, { env }] of scenarios) {
  Object.assign(process.env, env); // For the server. The last scenario is the only one that sets something.
  await run(scenario).catch((error) => console.error(`${scenario}: ${error.stack ?? error}`));
}
process.exit();
