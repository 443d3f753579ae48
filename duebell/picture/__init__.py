"""A picture of what a simulation gave: each loan's life on a time axis, in one page that needs no internet."""

from duebell.picture._life import lives
from duebell.picture._page import page

__all__ = ["lives", "page"]
