"""`python -m mwaa_local.cli`: the command, for whoever has this interpreter and no PATH."""

from mwaa_local.cli import main

if __name__ == "__main__":
    main()
