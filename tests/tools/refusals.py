"""What comes of a connection that a server gives up for want of a certificate. For tests only."""

REFUSALS = (
    "RemoteDisconnected",
    "ConnectionResetError",
    "SSLError",
    "BadStatusLine",
    "URLError: <urlopen error [SSL",
    "URLError: <urlopen error EOF",
    "URLError: <urlopen error [Errno 104]",
    "URLError: <urlopen error [Errno 32]",
)
