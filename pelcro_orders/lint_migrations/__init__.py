"""Refuses migrations that stop the shop: those that lock a large table, and those the release before can't live with.

`make check` runs it over what was added since the last release.
"""
