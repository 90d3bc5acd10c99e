"""Where a server is, and whether that is this machine."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    """A server as one types it: `http://127.0.0.1:8000`, with or without `/v1` behind it."""

    url: str
    host: str
    port: int
    path: str
    """What stands before `/v1`."""
    encrypted: bool

    @property
    def is_here(self) -> bool:
        """Whether it is this machine's loopback, which no other machine can be reached by."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def address(url: str, *, other_machine: bool = False) -> Address:
    """ValueError for what is no address, or, unless `other_machine`, for one that is not this machine's loopback."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port or parts.query or parts.fragment:
        raise ValueError(f"wanted the address of a server, such as http://127.0.0.1:8000, got {url!r}; correct it")
    path = parts.path.rstrip("/").removesuffix("/v1")
    found = Address(url.rstrip("/"), parts.hostname, port, path, parts.scheme == "https")
    if not found.is_here and not other_machine:
        raise ValueError(
            f"{url}: wanted a server on this machine (127.0.0.1, ::1, localhost), got another; give --other-machine "
            f"if whoever runs it agrees"
        )
    return found
