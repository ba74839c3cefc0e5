"""What is remembered of entities beside their events: notes, facts, verdicts and cases."""
