"""`python -m kubestill` is `kubestill`."""

from kubestill.cli.main import main

if __name__ == "__main__":
    main()
