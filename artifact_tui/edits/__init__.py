"""Changes of aliases, tags and times to live: foreseen, confirmed, sent.

Knows no screen and no command line. `Wanted` is asked of every version alike; `Foresight` says what
becomes of each, and `lives` that nothing is deleted at once by it; `challenge` what must be typed;
`send` carries it out, some at a time.
"""
