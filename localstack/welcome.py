"""What `make up` says when it is done: where everything is, and what to try first."""

from __future__ import annotations

from shlex import quote

from localstack.standin import REGION

_CREDENTIALS = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
_SEND = '{"service": "EmailService", "handler": "send_ticket", "body": {"ticket": "T1", "email": "ada@example.com"}}'


def welcome(endpoint_url: str, *, ingress: str, admin: str, sends: str) -> str:
    """Return the text; its indented lines are commands, and a test runs them."""
    curl = f"curl --aws-sigv4 aws:amz:{REGION}:lambda --user test:test"
    aws = f"{_CREDENTIALS} aws --region {REGION} --endpoint-url {endpoint_url}"
    return "\n".join(
        (
            f"Ingress      {ingress}",
            f"Admin        {admin}",
            f"Sends queue  {sends}",
            "",
            "Call a handler:",
            f"  {curl} {ingress}/UserAccount/ada/update_balance --json 100",
            "See what is registered:",
            f"  {curl} {admin}/services",
            "Start an invocation with a message, as any producer could:",
            f"  {aws} sqs send-message --queue-url {sends} --message-body {quote(_SEND)}",
            "",
            "Remove it all: make down",
        )
    )
