"""Primary keys read from addresses and query strings."""

LONGEST = len(str(2**63)) - 1
"""Digits that surely fit into PostgreSQL's bigint."""


def parse_id(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= LONGEST else None
