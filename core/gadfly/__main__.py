"""`python -m gadfly` is `gadfly`."""

from gadfly._cli import main

if __name__ == "__main__":
    main()
