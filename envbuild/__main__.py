"""`python -m envbuild` is `envbuild`."""

from envbuild.cli import main

main()
