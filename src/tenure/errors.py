"""What goes wrong in a way its reader can mend."""


class TenureError(Exception):
    """Says what was found, what was expected, and what to do next; shown to people as it is, without a traceback."""
