"""`python -m artifact_tui` is the same as `artifact-tui`."""

from artifact_tui.cli import main

if __name__ == "__main__":
    main()
