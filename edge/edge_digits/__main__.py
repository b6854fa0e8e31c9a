"""`python -m edge_digits`: the command line, for where its script is not on the PATH."""

from edge_digits.cli import run

if __name__ == "__main__":
    run()
