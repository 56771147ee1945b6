// Tries texts, types and domains through the MCP endpoint of this server, like any client (streamable HTTP).
const about = JSON.parse(document.getElementById("data").textContent);
const endpoint = new URL(about.endpoint, location.href);
let session;
let calls = 0;

async function post(message) {
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  if (session) Object.assign(headers, { "mcp-protocol-version": about.protocol, ...(session.id && { "mcp-session-id": session.id }) });
  const response = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", ...message }) });
  if (!response.ok) throw new Error(`The server answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  if (message.id === undefined) return undefined;
  const body = await response.text();
  const events = response.headers.get("content-type").startsWith("text/event-stream")
    ? body.split(/\r?\n\r?\n/).map((event) => event.split(/\r?\n/).filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5).trim()).join("\n")).filter(Boolean)
    : [body];
  const answer = events.map((event) => JSON.parse(event)).find((one) => one.id === message.id);
  if (!answer) throw new Error("The server did not answer.");
  if (answer.error) throw new Error(answer.error.message);
  return { result: answer.result, id: response.headers.get("mcp-session-id") };
}

async function connect() {
  if (session) return;
  const { id } = await post({ id: ++calls, method: "initialize", params: {
    protocolVersion: about.protocol, capabilities: {}, clientInfo: { name: "uniner-mcp playground", version: about.version } } });
  session = { id };
  await post({ method: "notifications/initialized" });
}

async function call(name, asked) {
  await connect();
  const { result } = await post({ id: ++calls, method: "tools/call", params: { name, arguments: asked } });
  if (result.isError) throw new Error(result.content.map((part) => part.text).join(" "));
  return result.structuredContent;
}

// A result has a limited size, so that hosts can show it to a model: the rest comes page by page.
async function extract(asked) {
  const whole = await call("extract_entities", asked);
  let { next_start: start } = whole;
  while (typeof start === "number") {
    view.wait(`Finding entities from character ${start.toLocaleString("en")} on …`);
    const page = await call("extract_entities", { ...asked, start });
    whole.entities.push(...page.entities);
    Object.assign(whole, { truncated: page.truncated, next_start: page.next_start });
    start = page.next_start;
  }
  return whole;
}

const main = document.getElementById("view");
const text = element("textarea", { id: "text", rows: "8", dir: "auto" });
text.value = about.example;
const types = element("input", { id: "types", type: "text", value: "person, city, university, award, year" });
const domain = element("select", { id: "domain" }, element("option", { value: "" }, "(the types above)"));
const go = element("button", { type: "submit" }, "Find entities");
const shown = element("section", { "aria-label": "Result" });
const view = new EntityView(shown);
const form = element("form", {},
  element("p", {}, element("label", { for: "text" }, "Text"), text),
  element("p", {}, element("label", { for: "types" }, "Entity types, in plain words, comma-separated"), types),
  element("p", {}, element("label", { for: "domain" }, "Or all types of a domain"), domain), element("p", {}, go));
main.append(element("h1", {}, "uniner-mcp playground"), form, shown);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  go.disabled = true;
  view.wait("Finding entities …");
  const names = types.value.split(",").map((name) => name.trim()).filter(Boolean);
  const asked = { text: text.value, ...(domain.value ? { domain: domain.value } : { entity_types: names }) };
  try {
    view.show(text.value, await extract(asked));
  } catch (error) {
    view.wait(error.message);
  }
  go.disabled = false;
});

call("list_domains", {}).then(({ domains }) => {
  for (const one of domains) domain.append(element("option", { value: one.name }, `${one.name}: ${one.entity_types.join(", ")}`));
}).catch((error) => view.wait(error.message));
