"""`--stack`: an installation on AWS by its name, and where it is spoken to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast_cli.problems import RequestFailed, UsageProblem

if TYPE_CHECKING:
    from holdfast_aws.stack import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Where an installation is spoken to."""

    admin: str
    ingress: str


def open_stack(name: str) -> Stack:
    """Return a stack, to be looked at with the credentials and in the region that the AWS CLI would take.

    Raises:
        UsageProblem: What that takes is not installed.
    """
    try:
        import botocore.session

        from holdfast_aws.stack import Stack
    except ImportError as error:
        raise UsageProblem(f"This needs what is in pip install 'holdfast[aws]': {error.name} is missing.") from error
    return Stack(name, botocore.session.get_session())


def urls_of(stack: Stack) -> Urls:
    """Return where the two APIs of an installation are.

    Raises:
        RequestFailed: It cannot be found out.
    """
    from holdfast_aws.errors import AWS_ERRORS
    from holdfast_aws.stack import variables_of

    try:
        admin = stack.functions.get("admin")
        if admin is None:
            raise RequestFailed(f"The stack {stack.name!r} has no Holdfast in it: no function of it is the admin API.")
        url = stack.client("lambda").get_function_url_config(FunctionName=admin["FunctionName"])["FunctionUrl"]
    except AWS_ERRORS as error:
        raise RequestFailed(f"The stack {stack.name!r} could not be looked at: {error}") from error
    return Urls(admin=url, ingress=variables_of(admin).get("HOLDFAST_INGRESS_URL", ""))
