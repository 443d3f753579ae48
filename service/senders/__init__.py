"""Senders hand messages to providers. One file each; found here by URL scheme, or in the entry-point group duebell.senders."""
