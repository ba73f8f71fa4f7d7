"""Changes of aliases, tags and times to live: foreseen, confirmed, sent, and put into words.

Knows no screen and no command line. `changes` finds out what becomes of each version, what must be
typed, and sends it; `edit_words` says all of it, for both front ends.
"""
