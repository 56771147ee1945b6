"""Configuration files of MCP clients, and our entry in them."""

from uniner_mcp.clients.catalogue import CLIENTS, Client
from uniner_mcp.clients.changes import Change, installed, uninstalled, write
from uniner_mcp.clients.entries import Local, Remote, headers, own_command, variables

__all__ = [
    "CLIENTS",
    "Change",
    "Client",
    "Local",
    "Remote",
    "headers",
    "installed",
    "own_command",
    "uninstalled",
    "variables",
    "write",
]
