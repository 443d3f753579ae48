"""Asks a database one question."""

from typing import Any

import psycopg


def one(connection: psycopg.Connection[Any], query: Any, *values: Any) -> Any:
    """The first column of the first row; none where there is no row."""
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None
