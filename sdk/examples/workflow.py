"""A workflow: a sign-up that runs once per user, waits for a click, and answers questions meanwhile.

The promise is named and durable: the click may come before the workflow waits for it, and it is still there. A second
submission of the same user is refused with 409; attach to the first one to get its result.

    holdfast dev examples.workflow:services

    curl localhost:8080/UserSignup/ada/run/send --json '{"email": "ada@example.com"}'
    curl localhost:8080/UserSignup/ada/stage
    # the secret is in the mail, that is, in the log of the outside world
    curl localhost:8080/UserSignup/ada/click --json '{"secret": "<secret>"}'
    curl localhost:8080/restate/workflow/UserSignup/ada/attach
"""

from __future__ import annotations

from pydantic import BaseModel

import holdfast as restate
from examples import outside


class User(BaseModel):
    """Who signs up."""

    email: str


class Click(BaseModel):
    """What the link in the mail carries."""

    secret: str


def create_user(user_id: str, email: str) -> bool:
    """Put the user into the database."""
    outside.happened(f"created user {user_id} with {email}")
    return True


def mail_secret(email: str, secret: str) -> bool:
    """Mail the link that proves the address."""
    outside.happened(f"mailed secret {secret} to {email}")
    return True


user_signup = restate.Workflow("UserSignup")


@user_signup.main()
async def run(ctx: restate.WorkflowContext, user: User) -> bool:
    """Create the user, prove the address, and return whether it was proven."""
    ctx.set("stage", "creating")
    await ctx.run_typed("create user", create_user, user_id=ctx.key(), email=user.email)

    secret = str(ctx.uuid())
    await ctx.run_typed("mail secret", mail_secret, email=user.email, secret=secret)
    ctx.set("stage", "waiting for the click")
    clicked = await ctx.promise("clicked", type_hint=str).value()

    is_proven = clicked == secret
    ctx.set("stage", "verified" if is_proven else "refused")
    return is_proven


@user_signup.handler()
async def click(ctx: restate.WorkflowSharedContext, request: Click) -> None:
    """Take the click on the link in the mail."""
    await ctx.promise("clicked", type_hint=str).resolve(request.secret)


@user_signup.handler()
async def stage(ctx: restate.WorkflowSharedContext) -> str:
    """Return how far the sign-up is."""
    return await ctx.get("stage", type_hint=str) or "unknown"


services = [user_signup]
