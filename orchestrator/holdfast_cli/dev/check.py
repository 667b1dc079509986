"""Run in a child interpreter before a reload: does the changed code import? Prints the reason when it does not."""

from __future__ import annotations

import sys

from holdfast_cli.dev.loading import load
from holdfast_cli.problems import UsageProblem

# User code may print anything; this tells its words from ours.
REASON_MARK = "holdfast-check: "


def main(references: list[str]) -> int:
    """Return the exit code."""
    try:
        load(references)
    except UsageProblem as problem:
        print(f"{REASON_MARK}{problem.message}", file=sys.stderr, flush=True)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
