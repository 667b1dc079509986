"""Keeping systems in sync: a role and its permissions change together or not at all.

The object is keyed by user, so two updates of one user never interleave. When a permission is refused for good, what
was applied before is put back, by durable steps like all others: a crash during the rollback does not stop it.

    holdfast dev examples.role_updater:services

    curl localhost:8080/roleUpdater/ada/update --json '{"role": "editor", "permissions": ["read", "write"]}'
    # "root" is refused by the permission system, so the role becomes what it was:
    curl localhost:8080/roleUpdater/ada/update --json '{"role": "admin", "permissions": ["read", "root"]}'
    curl localhost:8080/roleUpdater/ada/current
"""

from __future__ import annotations

from pydantic import BaseModel

import holdfast as restate
from examples import outside


class Update(BaseModel):
    """The role a user shall have, and the permissions that come with it."""

    role: str
    permissions: list[str]


class UserRole(BaseModel):
    """What the systems outside know of a user."""

    role: str
    permissions: list[str]


_role_by_user: dict[str, str] = {}
_permissions_by_user: dict[str, list[str]] = {}


def get_current_role(user_id: str) -> str:
    """Ask the user directory for a role."""
    return _role_by_user.get(user_id, "viewer")


def read_user(user_id: str) -> UserRole:
    """Ask both systems about a user."""
    return UserRole(role=get_current_role(user_id), permissions=sorted(_permissions_by_user.get(user_id, [])))


def apply_role(user_id: str, role: str) -> bool:
    """Write a role into the user directory."""
    outside.happened(f"role of {user_id} is {role}")
    _role_by_user[user_id] = role
    return True


def apply_permission(user_id: str, permission: str) -> bool:
    """Grant a permission; return whether the user did not have it before."""
    if permission == "root":
        raise restate.TerminalError(f"nobody may grant {permission!r}", status_code=403)
    outside.happened(f"granted {permission} to {user_id}")
    granted = _permissions_by_user.setdefault(user_id, [])
    if permission in granted:
        return False
    granted.append(permission)
    return True


def revoke_permission(user_id: str, permission: str) -> bool:
    """Take a permission away again; harmless when it is not there."""
    outside.happened(f"revoked {permission} from {user_id}")
    granted = _permissions_by_user.setdefault(user_id, [])
    if permission in granted:
        granted.remove(permission)
    return True


role_updater = restate.VirtualObject("roleUpdater")


@role_updater.handler()
async def update(ctx: restate.ObjectContext, req: Update) -> bool:
    """Apply a role and its permissions; put everything back if one is refused."""
    user_id = ctx.key()
    previous_role = await ctx.run_typed("current role", get_current_role, user_id=user_id)
    await ctx.run_typed("apply role", apply_role, user_id=user_id, role=req.role)

    granted: list[str] = []
    for permission in req.permissions:
        try:
            is_new = await ctx.run_typed(
                f"apply {permission}", apply_permission, user_id=user_id, permission=permission
            )
        except restate.TerminalError:
            await rollback(ctx, previous_role, granted)
            raise
        if is_new:
            granted.append(permission)
    return True


async def rollback(ctx: restate.ObjectContext, previous_role: str, granted: list[str]) -> None:
    """Put role and permissions back, the last change first."""
    for permission in reversed(granted):
        await ctx.run_typed(f"revoke {permission}", revoke_permission, user_id=ctx.key(), permission=permission)
    await ctx.run_typed("restore role", apply_role, user_id=ctx.key(), role=previous_role)


@role_updater.handler()
async def current(ctx: restate.ObjectContext) -> UserRole:
    """Return what the systems outside know of the user; waits for an update that is under way."""
    return await ctx.run_typed("read", read_user, user_id=ctx.key())


services = [role_updater]
