"""A link to a board: it opens the page to whoever is signed in and may see figures, and no figure beyond their reach.

The link is the board's number and the link's, signed: nothing in the database opens a board, nobody can make one up, and
taking it back is one bit.
"""

from django.core.signing import BadSignature, Signer

from tenure.desk.customers.boards.models import Board

_LONGEST = 200


def _signer() -> Signer:
    return Signer(salt="tenure.board", sep=".")


def link_of(board: Board) -> str:
    """What stands in the address of the board's open link; empty where it has none."""
    return _signer().sign(f"{board.pk}-{board.links}") if board.linked else ""


def opens(board: Board, link: str) -> bool:
    """Whether this is the board's open link."""
    if not board.linked or not 0 < len(link) <= _LONGEST:
        return False
    try:
        return _signer().unsign(link) == f"{board.pk}-{board.links}"
    except BadSignature:
        return False
