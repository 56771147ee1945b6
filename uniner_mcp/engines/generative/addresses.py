"""Addresses of servers: whether text leaves the machine, and how to show them in messages."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def leaves_machine(address: str) -> bool:
    """Return whether a URL is that of another machine: anything but a loopback address or `localhost`."""
    host = urlsplit(address).hostname or ""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def shown(address: str) -> str:
    """Return host and port of a URL: credentials and paths do not belong in messages."""
    place = urlsplit(address)
    return f"{place.hostname}:{place.port}" if place.port else f"{place.hostname}"
