"""`python -m devserver`, which is what `make run` calls."""

import sys

from devserver.run import main

if __name__ == "__main__":
    sys.exit(main())
