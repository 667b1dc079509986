"""The `holdfast dev` command: its options, and turning them into a running server."""

from __future__ import annotations

from pathlib import Path

import click

from holdfast_http.bounds import WAITING_MAX

DEFAULT_HOST = "127.0.0.1"
DEFAULT_INGRESS_PORT = 8080
DEFAULT_ADMIN_PORT = 9070
DEFAULT_DATA_FOLDER = Path(".holdfast")


# The lone \b keeps click from folding the lines that follow into one.
_HELP = """Run Holdfast on this machine: ingress, admin API and your services in one process.

MODULE:ATTRIBUTE says where services are: a service, a list of services or an endpoint. The attribute may be left out
and is 'services' then. Modules are looked for in this folder first.

\b
Examples:
  holdfast dev greeter
  holdfast dev shop.orders:orders shop.users:users
  holdfast dev --register http://127.0.0.1:9080

Everything accepted is durable: stop it, or kill it with -9, and start it again with the same data folder.
"""


@click.command(help=_HELP)
@click.argument("references", nargs=-1, metavar="[MODULE:ATTRIBUTE]...")
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on, for both servers.")
@click.option(
    "--port",
    default=DEFAULT_INGRESS_PORT,
    show_default=True,
    help="Port of the ingress, where handlers are called; 0: any.",
)
@click.option("--admin-port", default=DEFAULT_ADMIN_PORT, show_default=True, help="Port of the admin API; 0: any.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=DEFAULT_DATA_FOLDER,
    show_default=True,
    help="Folder that holds everything durable; start again with it and all goes on.",
)
@click.option(
    "--token",
    envvar="HOLDFAST_TOKEN",
    metavar="TOKEN",
    help="What the admin API and its pages ask for; needed with a --host that others reach. Better as HOLDFAST_TOKEN.",
)
@click.option("--ephemeral", is_flag=True, help="Use a temporary data folder, removed at the end.")
@click.option("--reload/--no-reload", default=True, show_default=True, help="Restart when the modules' files change.")
@click.option(
    "--register",
    "endpoints",
    multiple=True,
    metavar="URI",
    help="Register the endpoint at this URI, which may serve handlers in any language; repeatable.",
)
@click.option(
    "--identity-key-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sign requests to endpoints with the Ed25519 private key in this PEM file.",
)
@click.option(
    "--endpoint-ca-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Trust the authorities in this PEM file, too, when an endpoint has https.",
)
@click.option(
    "--waiting-max",
    type=click.IntRange(min=1),
    default=WAITING_MAX,
    show_default=True,
    help="How many requests may wait for invocations at once; one more is answered 429.",
)
def dev(
    references: tuple[str, ...],
    host: str,
    port: int,
    admin_port: int,
    data_dir: Path,
    token: str | None,
    endpoints: tuple[str, ...],
    identity_key_file: Path | None,
    endpoint_ca_file: Path | None,
    waiting_max: int,
    *,
    ephemeral: bool,
    reload: bool,
) -> None:
    """Run Holdfast on this machine."""
    from holdfast_cli.dev.start import Options, start

    start(
        Options(
            references=references,
            host=host,
            ingress_port=port,
            admin_port=admin_port,
            data_folder=data_dir,
            token=token or None,
            is_ephemeral=ephemeral,
            is_reloading=reload,
            endpoints=endpoints,
            identity_key_file=identity_key_file,
            endpoint_ca_file=endpoint_ca_file,
            waiting_max=waiting_max,
        )
    )
