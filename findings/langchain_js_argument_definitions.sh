#!/usr/bin/env bash
# LangChain.js drops an argument of an MCP tool that is called `definitions`, and the type of one that may be null.
#
# One would guess: the names below `properties` in a tool's inputSchema are free, so each argument reaches the model with
#   the schema that the server published.
# What happens: while it resolves references, @langchain/mcp-adapters takes every key `definitions` for the container of
#   shared schemas, also the name of an argument, and removes it. An `anyOf` of a type and null, as Pydantic writes
#   `int | None`, is removed too: the argument keeps its description, but has no type.
# Why it matters: a server that passes every validator offers the model fewer arguments, without an error anywhere. Names
#   of arguments must not be keywords of JSON Schema, and optional ones must have a plain type and be absent from
#   `required`.
# Versions: @langchain/mcp-adapters 1.1.4, @langchain/core 1.4.0, @modelcontextprotocol/sdk 1.32.2, Node 20.
# Source: the adapter's dist/tools.js.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @langchain/mcp-adapters@1.1.4 @langchain/core@1.4.0 \
    @modelcontextprotocol/sdk@1.32.2 >npm.log 2>&1
cat >run.mjs <<'JAVASCRIPT'
import { loadMcpTools } from "@langchain/mcp-adapters";
import { convertToOpenAITool } from "@langchain/core/utils/function_calling";

const meanings = { type: "object", additionalProperties: { type: "string" }, description: "What words mean." };
const inputSchema = {
  type: "object",
  required: ["text"],
  properties: {
    text: { type: "string", description: "The text." },
    meanings,
    definitions: meanings,
    limit: { anyOf: [{ type: "integer" }, { type: "null" }], default: null, description: "How many." },
  },
};
const client = { listTools: async () => ({ tools: [{ name: "read", description: "Reads.", inputSchema }] }) };
const [tool] = await loadMcpTools("server", client);
const { properties } = convertToOpenAITool(tool).function.parameters;
console.log(`arguments: ${Object.keys(properties).join(" ")}`);
console.log(`type of meanings: ${properties.meanings?.type}, of limit: ${properties.limit?.type}`);
JAVASCRIPT
echo "@langchain/mcp-adapters $(node -p 'require("./node_modules/@langchain/mcp-adapters/package.json").version')"
seen=$(node run.mjs)
echo "published: text meanings definitions limit"
echo "$seen"
[[ $seen == "arguments: text meanings limit
type of meanings: object, of limit: undefined" ]]
