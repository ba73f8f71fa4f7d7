"""Deleting: build a plan, confirm it, apply it in its own process, know what happened.

`build` judges a selection (`checks`) into a draft; `plan` keeps it in a file; `confirm` says what
must be typed; `launch` starts `worker`, which runs `apply`; `tasks` and `report` read the file.
"""
