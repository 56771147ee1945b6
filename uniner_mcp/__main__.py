"""`python -m uniner_mcp`."""

from uniner_mcp.cli import main

main()
