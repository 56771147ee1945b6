"""uniner-mcp in the frameworks of others: one module each, thin, with the schemas of `uniner_mcp.schema`."""
