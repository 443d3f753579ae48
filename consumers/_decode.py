"""Decodes a message body: one pass over the JSON, then the reaction of its type."""

from consumers._outcomes import Dead, Decoded, Event, Ignored, same_payload

__all__ = ["Dead", "Decoded", "Event", "Ignored", "same_payload"]
