"""The one form in which the file and webhook senders write a message down."""

import json
from datetime import UTC

from service.senders._port import Message


def as_json(message: Message) -> bytes:
    """`{key, loan_id, template, channel, lane, to, body, at}` as UTF-8 JSON on one line, without its end; `at` in UTC."""
    text = json.dumps(
        {
            "key": message.key,
            "loan_id": message.loan_id,
            "template": message.template,
            "channel": message.channel,
            "lane": str(message.lane),
            "to": message.to,
            "body": message.body,
            "at": message.at.astimezone(UTC).isoformat(),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    # A lone surrogate becomes \udXXX, which is its escape in JSON too.
    return text.encode("utf-8", "backslashreplace")
