"""Deleting: build a plan, confirm it, apply it in its own process, know what happened.

`review` makes a draft of what is chosen, with the verdicts of `judging`; `confirmation` says what
must be typed; `plan` keeps the draft in a file; `worker` is the process that runs `apply` on it;
`tasks` reads the file, and asks the process to pause, cancel or go on.
"""
