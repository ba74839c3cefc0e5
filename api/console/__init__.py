"""Pages for people: analysts, authors of rules and operators."""
