"""Sample data: believable years of invented borrowers, and bodies that break the contract; one seed, one result."""

from duebell.sample._malformed import malformed
from duebell.sample._years import generate, retimed, stream

__all__ = ["generate", "malformed", "retimed", "stream"]
