"""The language of a rule's file: how it is read, checked and refused."""
