"""Who may operate the server: whoever is on this machine, or whoever has the token."""

from __future__ import annotations

from ipaddress import ip_address
from socket import AI_PASSIVE, gaierror, getaddrinfo

from holdfast_cli.problems import UsageProblem
from holdfast_http.admin.gate import Gate, token_problem


def gate_of(host: str, token: str | None) -> Gate:
    """Return what lets requests of the admin API pass.

    Raises:
        UsageProblem: Others reach that host and there is no token, or it is none.
    """
    if token is None and not _is_loopback(host):
        raise UsageProblem(
            f"Whoever reaches {host} could operate everything: set HOLDFAST_TOKEN, which the admin API then asks for,"
            " or leave --host at 127.0.0.1."
        )
    if token is not None and (problem := token_problem(token)) is not None:
        raise UsageProblem(f"HOLDFAST_TOKEN, or --token, {problem}, such as what `openssl rand -hex 16` prints.")
    return Gate(token)


def _is_loopback(host: str) -> bool:
    try:
        # No host at all is every address of this machine.
        addresses = {str(address[4][0]) for address in getaddrinfo(host or None, 0, flags=AI_PASSIVE)}
    except (gaierror, UnicodeError):
        # Nothing can listen there, and that is said by whoever tries.
        return True
    return all(ip_address(each).is_loopback for each in addresses)
