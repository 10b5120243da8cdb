"""`python -m integration`: the command line, from any folder."""

from integration.command_line import main

main()
