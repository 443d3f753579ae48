"""Column types of the ledger's tables that both databases share."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, TypeDecorator
from sqlalchemy.types import TypeEngine

from service.ledger.statement import instant_text


class Instant(TypeDecorator[datetime]):
    """An aware instant: timestamptz on PostgreSQL, fixed-width UTC text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text where the database has no instants."""
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuses naive times."""
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant must carry its time zone")
        return instant_text(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Always aware."""
        return datetime.fromisoformat(value) if value is not None and dialect.name == "sqlite" else value


#: An ever-growing row number; SQLite numbers only INTEGER PRIMARY KEY by itself.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")
