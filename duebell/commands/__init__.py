"""The commands, one file per matter. What is heavy is imported when a command runs: `duebell --help` answers at once."""
