"""The front door: the duebell command, which roles run in a process, demo and simulate."""
