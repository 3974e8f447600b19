"""`python -m workbench`, which is also what launchers of several processes start."""

import sys

from workbench.cli import main

if __name__ == "__main__":
    sys.exit(main())
