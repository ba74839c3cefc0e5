"""Events, decisions, scores and labels over HTTP."""
