"""The broker's door: one file per loan process; files with a leading underscore are the machinery."""
