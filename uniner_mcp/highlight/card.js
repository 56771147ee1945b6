// The card that hosts of MCP Apps show (SEP-1865, protocol 2026-01-26). It exchanges JSON-RPC messages with the host.
const view = new EntityView(document.getElementById("view"));
const about = JSON.parse(document.getElementById("data").textContent);
const given = {};

function send(message) {
  window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
}

function adapt(context = {}) {
  if (context.theme) document.documentElement.dataset.theme = context.theme;
  for (const [name, value] of Object.entries(context.styles?.variables ?? {}))
    if (value && /^--[a-z0-9-]+$/.test(name)) document.documentElement.style.setProperty(name, value);
}

function show() {
  if (given.failed !== undefined) view.wait(given.failed);
  else if (given.text !== undefined && given.extraction !== undefined) view.show(given.text, given.extraction);
  else view.wait("Finding entities …");
}

const told = {
  "ui/notifications/tool-input": ({ arguments: asked }) => { given.text = String(asked?.text ?? ""); },
  "ui/notifications/tool-result": ({ structuredContent, isError, content }) => {
    if (isError || !structuredContent) given.failed = content?.find((part) => part.type === "text")?.text ?? "The call returned nothing.";
    else given.extraction = structuredContent;
  },
  "ui/notifications/tool-cancelled": () => { given.failed = "The call was cancelled."; },
  "ui/notifications/host-context-changed": adapt,
};

window.addEventListener("message", ({ source, data }) => {
  if (source !== window.parent || data?.jsonrpc !== "2.0") return;
  if (data.id === 1 && data.result) {
    adapt(data.result.hostContext);
    send({ method: "ui/notifications/initialized", params: {} });
  } else if (told[data.method]) {
    told[data.method](data.params ?? {});
    show();
  } else if (data.method && data.id !== undefined) {
    const known = data.method === "ping" || data.method === "ui/resource-teardown";
    send(known ? { id: data.id, result: {} } : { id: data.id, error: { code: -32601, message: "Method not found" } });
  }
});

new ResizeObserver(() => {
  const { scrollWidth: width, scrollHeight: height } = document.documentElement;
  send({ method: "ui/notifications/size-changed", params: { width, height } });
}).observe(document.body);

show();
send({ id: 1, method: "ui/initialize", params: {
  protocolVersion: "2026-01-26", appInfo: { name: "uniner-mcp", version: about.version }, appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] } } });
