"""The ledger: the database, the source of truth. Its door is `Ledger`; each other file holds the statements of one matter."""

from service.ledger.engine import Ledger, Transaction
from service.ledger.errors import LedgerAway, LedgerClosed, LedgerConflict, LedgerRefused

__all__ = ["Ledger", "LedgerAway", "LedgerClosed", "LedgerConflict", "LedgerRefused", "Transaction"]
