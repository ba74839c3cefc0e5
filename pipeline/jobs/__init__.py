"""Long work that callers ask for: the kinds of jobs, and the worker that does them when decisions leave it time."""
