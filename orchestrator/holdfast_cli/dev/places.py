"""What the server process holds on to for its whole life, reloads included: listening sockets and the data folder."""

from __future__ import annotations

import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from holdfast_cli.dev.data_folder import DataFolder
from holdfast_cli.dev.handover import Handover
from holdfast_cli.dev.sockets import listen


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Sockets and data folder; `is_temporary` says that the folder goes when the server does."""

    ingress: socket.socket
    admin: socket.socket
    folder: DataFolder
    is_temporary: bool

    def left(self, reason: str) -> Handover:
        """Return what the next incarnation needs to find all this again."""
        return Handover(
            ingress=self.ingress.fileno(),
            admin=self.admin.fileno(),
            temporary_folder=str(self.folder.path) if self.is_temporary else None,
            reason=reason,
        )

    def close(self) -> None:
        """Let go of everything; what is temporary is removed."""
        self.ingress.close()
        self.admin.close()
        self.folder.release()
        if self.is_temporary:
            shutil.rmtree(self.folder.path, ignore_errors=True)


def find_places(*, host: str, ingress_port: int, admin_port: int, data_folder: Path | None) -> Places:
    """Return places for a server that starts; without a data folder a temporary one is made.

    Raises:
        UsageProblem: A port is taken, or the folder cannot be used.
    """
    ingress = listen(host, ingress_port, purpose="ingress", option="--port")
    admin = listen(host, admin_port, purpose="admin API", option="--admin-port")
    path = data_folder if data_folder is not None else Path(tempfile.mkdtemp(prefix="holdfast-"))
    return Places(ingress=ingress, admin=admin, folder=DataFolder(path), is_temporary=data_folder is None)


def take_over(handover: Handover, data_folder: Path) -> Places:
    """Return the places that the previous incarnation of this process left.

    Raises:
        UsageProblem: The folder cannot be used any more.
    """
    temporary = handover.temporary_folder
    return Places(
        ingress=_inherited(handover.ingress),
        admin=_inherited(handover.admin),
        folder=DataFolder(Path(temporary) if temporary else data_folder),
        is_temporary=temporary is not None,
    )


def _inherited(descriptor: int) -> socket.socket:
    listener = socket.socket(fileno=descriptor)
    listener.set_inheritable(False)
    return listener
