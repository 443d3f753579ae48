"""The clock's door: reminder ladders, the planner's sweeps, APScheduler."""
