"""The engine room: facts, ledger, gate, rendering, delivery and senders."""
