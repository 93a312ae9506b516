"""`python -m engine`: what its commands do stands in `engine/cli/`."""

import sys

from engine.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
