"""`python -m connector.cli`: the command line where the `connector` script is not on the path."""

from connector.cli.main import main

if __name__ == "__main__":
    main()
