"""The signs of the picture: what became of something is its shape, its purpose is its colour."""

from typing import Final

#: shape → an SVG drawing around the origin, about twelve pixels wide; `currentColor` is its tone.
SHAPES: Final[dict[str, str]] = {
    "sent": '<circle r="5.5" class="full"/>',
    "delivered": '<circle r="5.5" class="full"/><path d="M-2.5 0l2 2 3.5-4" class="knock"/>',
    "undelivered": '<circle r="5.5" class="full"/><path d="M-2.5-2.5l5 5m0-5l-5 5" class="knock"/>',
    "planned": '<circle r="5" class="line dots"/>',
    "held": '<circle r="5" class="line"/><path d="M-1.6-2.4v4.8M1.6-2.4v4.8" class="line"/>',
    "cancelled": '<path d="M-4.5-4.5l9 9m0-9l-9 9" class="line"/>',
    "superseded": '<path d="M-5 3.5a5 5 0 0 1 9.5-2m-3.6.4l3.8 0 .6-3.9" class="line"/>',
    "suppressed": '<circle r="5.2" class="line"/><path d="M-3.7 3.7l7.4-7.4" class="line"/>',
    "expired": '<path d="M-4-5h8l-8 10h8z" class="line"/>',
    "failed": '<path d="M0-6l6 10.5h-12z" class="line"/><path d="M0-2v3m0 1.6v.6" class="line"/>',
    "unknown": '<circle r="5.2" class="line dots"/><path d="M0-2.4v2.8m0 1.6v.6" class="line"/>',
    "said": '<path d="M0-5l5 5-5 5-5-5z" class="full"/>',
    "alert": '<path d="M0-6l6 10.5h-12z" class="full"/><path d="M0-2v3m0 1.6v.6" class="knock"/>',
    "paid": '<rect x="-5" y="-5" width="10" height="10" rx="2" class="full"/>',
    "taken_back": '<rect x="-5" y="-5" width="10" height="10" rx="2" class="line"/><path d="M-7 7l14-14" class="line"/>',
    "due": '<path d="M-1-7h2v14h-2z" class="full"/>',
    "overdue": "",
    "pause": "",
}
#: shape → what it means, in the order of the legend.
MEANINGS: Final[dict[str, str]] = {
    "sent": "sent",
    "planned": "still planned",
    "held": "held",
    "cancelled": "cancelled: what it asked for was over",
    "superseded": "superseded: another text spoke for it",
    "suppressed": "suppressed: a rule, a pause or a wish",
    "expired": "expired: it had lost its point",
    "failed": "failed",
    "unknown": "unknown: it may have gone",
    "said": "an event from upstream",
    "alert": "word to ops",
    "paid": "a payment",
    "taken_back": "a payment taken back",
    "due": "due",
}
#: tone → what it means; the classes of the style sheet.
TONES: Final[dict[str, str]] = {
    "service": "tells what has happened",
    "reminder": "asks before and on the due day",
    "collection": "asks after it",
    "payer": "asks somebody who repays for the borrower",
    "visit": "announces a visit",
    "security": "codes and alerts",
    "marketing": "marketing",
}
