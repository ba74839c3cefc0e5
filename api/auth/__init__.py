"""Who calls, what each caller may do, and the audit log of what they did."""
