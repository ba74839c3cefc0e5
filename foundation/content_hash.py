"""The address of a definition: what its text hashes to."""

import hashlib


def content_hash(text: str) -> str:
    """Returns the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
