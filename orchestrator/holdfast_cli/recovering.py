"""`holdfast recover`: what waits in queues and timers, made anew from the tables."""

from __future__ import annotations

import click

from holdfast_cli.options import json_option
from holdfast_cli.printing import echo_json, somebody_is_watching
from holdfast_cli.problems import RequestFailed, UsageProblem
from holdfast_engine.errors import Unavailable
from holdfast_local.surroundings import SystemClock

_TELL_EVERY = 100


@click.command()
@click.option("--stack", required=True, metavar="NAME", help="The CloudFormation stack that Holdfast is in.")
@json_option
def recover(stack: str, *, as_json: bool) -> None:
    """Re-create every wake-up and timer of an installation on AWS.

    For the day when messages are lost: a queue was purged, or the tables were restored to an earlier time. It reads the
    tables alone, may run at any time, beside running traffic too, and any number of times. Credentials and region are
    found as the AWS CLI finds them. `holdfast dev` needs no such thing: it does the same at every start.
    """
    try:
        import botocore.session

        from holdfast_aws.installation import NoInstallation, find_installation, recovered
    except ImportError as error:
        raise UsageProblem(f"This needs what is in pip install 'holdfast[aws]': {error.name} is missing.") from error
    from botocore.exceptions import BotoCoreError

    try:
        installation = find_installation(stack, botocore.session.get_session())
        woken = recovered(installation, clock=SystemClock(), tell=_tell)
    except (NoInstallation, BotoCoreError) as error:
        raise RequestFailed(str(error)) from error
    except Unavailable as error:
        raise RequestFailed(f"It was begun and could not be ended, so do it again: {error}") from error
    if somebody_is_watching():
        click.echo("\r", nl=False, err=True)
    if as_json:
        echo_json({"woken": woken})
    else:
        click.echo(f"Invocations woken: {woken}. Each goes on where its journal ends.")


def _tell(woken: int) -> None:
    # How many there will be, only the end tells.
    if woken % _TELL_EVERY == 0 and somebody_is_watching():
        click.echo(f"\rInvocations woken so far: {woken}", nl=False, err=True)
