"""Integrations with frameworks: one thin module each, which uses the schemas of `uniner_mcp.schema`."""
