"""Who goes first: the intents, or a word that forbids them (an opt-out, an operator's suppression or pause, another number).

A statement sees what was committed when it began, so an intent could be committed after an opt-out that it had not seen. Each
transaction of intents begins with HEED, which many may hold at once; one that forbids begins with FORBID, which waits for them
and holds up those that come.
"""

from service.ledger.statement import Statement

HEED = Statement("SELECT {heed}")
FORBID = Statement("SELECT {forbid}")
