"""`python -m affect_workbench`, which is also what launchers of several processes start."""

import sys

from affect_workbench.workbench.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
