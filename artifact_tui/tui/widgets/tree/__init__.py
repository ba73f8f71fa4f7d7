"""The virtual tree table: collections in memory, their versions by windows.

`outline` knows which line is which row, `pages` holds the versions that were fetched, `columns`
decides what fits, `painter` draws one row, `tree_list` is the widget.
"""
