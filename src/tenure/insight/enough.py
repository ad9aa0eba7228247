"""When there is too little to learn from."""

from tenure.errors import TenureError


class NotEnoughDataError(TenureError, ValueError):
    """The input is sound, but too little or too uniform to tell the parameters from."""
