"""What rules do to the world outside the stage that decides."""
