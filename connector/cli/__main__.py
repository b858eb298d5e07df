"""`python -m connector.cli`: the command line where the `connector` script is not on the path."""

from connector.cli import main

main()
