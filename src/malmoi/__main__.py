"""`python -m malmoi` is the same program as `malmoi`."""

from malmoi.cli.main import main

if __name__ == "__main__":
    main()
