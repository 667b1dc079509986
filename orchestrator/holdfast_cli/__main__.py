"""`python -m holdfast_cli` is the `holdfast` command, also where its script is not on the path."""

from holdfast_cli.main import main

if __name__ == "__main__":
    main(prog_name="holdfast")
