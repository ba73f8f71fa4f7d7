"""`python -m artifact_tui` is the same as `artifact-tui`."""

import sys

from artifact_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
