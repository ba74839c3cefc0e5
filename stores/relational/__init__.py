"""What people own, and jobs, in SQLite or PostgreSQL."""
