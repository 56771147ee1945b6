"""Where the server listens, and the host names that requests may give."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from ipaddress import ip_address

from mcp.server.transport_security import TransportSecuritySettings

from uniner_mcp.errors import SettingsError, UninerError

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERYWHERE = ("0.0.0.0", "::")
_NAME = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)(:[0-9]{1,5})?", re.IGNORECASE)


def check_address(host: str, port: int) -> None:
    """Raise UninerError if the server cannot listen on `host:port`."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise UninerError(
            f"Cannot listen on {host}, port {port} ({error.strerror}): choose another address with --host and --port."
        ) from None


def check_names(names: Sequence[str]) -> None:
    """Raise SettingsError if one of the allowed host names can never be that of a request."""
    if not all(map(_NAME.fullmatch, names)):
        raise SettingsError(
            "Setting `allowed_hosts` (--allowed-host) is not valid: give host names as in ner.example.org or "
            "ner.example.org:8443, without scheme, path, spaces or wildcards; write IPv6 addresses in brackets and "
            "international names in their ASCII form (xn--…)."
        )


def is_everywhere(host: str) -> bool:
    """Whether the server listens on every address of the machine."""
    return host in _EVERYWHERE


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the server."""
    try:
        found = {str(address[4][0]) for address in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ip_address(address.partition("%")[0]).is_loopback for address in found)


def url_host(host: str) -> str:
    """Return the host as it is written in a URL."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def allowed(host: str, names: Sequence[str]) -> TransportSecuritySettings:
    """Return the Host and Origin headers to accept: loopback names, `names`, and `host`, where the server listens."""
    forms = [form for name in _reached_by(host, names) for form in (name, f"{name}:*")]
    return TransportSecuritySettings(
        allowed_hosts=forms,
        allowed_origins=[f"{scheme}://{form}" for form in forms for scheme in ("http", "https")],
    )


def allowed_origins(host: str, names: Sequence[str]) -> str:
    """Return a regular expression for the same Origin headers."""
    return rf"https?://({'|'.join(map(re.escape, _reached_by(host, names)))})(:\d+)?"


def _reached_by(host: str, names: Sequence[str]) -> list[str]:
    own = () if is_everywhere(host) else (url_host(host),)
    return list(dict.fromkeys(name.lower() for name in (*_LOOPBACK, *own, *names)))
