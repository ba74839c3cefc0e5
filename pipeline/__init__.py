"""Events become decisions: the engine, the jobs around it, and what replays and trains."""
