"""The people's door: HTTP intake, status events, health and metrics."""
