"""`python -m supervisor` is `vigil`."""

from supervisor.cli import main

if __name__ == "__main__":
    main()
