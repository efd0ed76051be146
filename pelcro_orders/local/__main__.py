"""`python -m pelcro_orders.local`, which is what `make run` calls."""

import sys

from pelcro_orders.local.run import main

if __name__ == "__main__":
    sys.exit(main())
