"""Addresses of clients: one spelling for each, and the network by which limits count."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

PREFIX_BITS = 64
"""One customer of a provider has at least a /64 of IPv6 (RFC 6177)."""
SITE_BITS = 48
"""A site may have a whole /48 of IPv6 (RFC 6177), which is 65,536 networks of a /64."""
TEXT_MAX = 128


def canonical(text: str) -> str:
    """Return an address in its shortest spelling, without port and zone: at most 45 characters.

    An IPv4 address in IPv6 is the IPv4 address (RFC 4291, 2.5.5.2). "" stands for what is none.
    """
    try:
        return str(_parsed(text.strip())) if len(text) <= TEXT_MAX else ""
    except ValueError:
        return ""


def network(address: str) -> str:
    """Return the address that a limit counts: the /64 of an IPv6 address, else the address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return address
    return str(ip_network((parsed, PREFIX_BITS), strict=False))


def site(address: str) -> str | None:
    """Return the /48 of an IPv6 address, which has a higher limit; None for other addresses."""
    return str(ip_network((address, SITE_BITS), strict=False)) if ":" in address else None


def _parsed(text: str) -> IPv4Address | IPv6Address:
    """Read `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`, with a zone or without."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        _check_port(port)
    elif text.count(":") == 1:
        host, _, number = text.partition(":")
        _check_port(f":{number}")
    else:
        host = text
    parsed = ip_address(host.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed


def _check_port(text: str) -> None:
    if text and not (text[0] == ":" and text[1:].isascii() and text[1:].isdigit()):
        raise ValueError(text)
