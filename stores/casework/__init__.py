"""The interfaces of stores of alerts, cases, holds, notes, and of what tells of them."""
