"""What a machine or a system lacks, and how to mend it."""
