"""JSON that somebody types: checked before it is sent, because shells take quotes away."""

from __future__ import annotations

import json

from holdfast_cli.problems import UsageProblem


def require_json(content: bytes, *, what: str, otherwise: str) -> None:
    """Refuse what is no JSON.

    Raises:
        UsageProblem: It is none; the sentence says what to write, and `otherwise` what to do if it was not meant to be.
    """
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageProblem(
            f"{what} is not JSON: {error}. Quote a string twice, as in '\"text\"', or {otherwise}."
        ) from error
