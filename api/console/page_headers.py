"""Headers of pages: what a browser may load and run for them, and who may show them in a frame."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The nonce is for the styles that the editor of rules makes. No script stands in a page, and none can make another of a text."""


def page_headers(nonce: str) -> dict[str, str]:
    """The headers of a page whose styles may have this nonce."""
    return {
        "content-security-policy": POLICY.format(nonce=nonce),
        "referrer-policy": "same-origin",  # without a referrer a browser says `Origin: null`, by which no form would count
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
    }
