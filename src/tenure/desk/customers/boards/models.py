from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.lake.scope import Scope


class BoardQuerySet(models.QuerySet["Board"]):
    def visible_to(self, scope: Scope) -> "BoardQuerySet":
        """One's own, and those shared with everyone, the own team or the own role. What the tiles say is scoped apart."""
        if scope.user_id is None:
            return self.none()
        from tenure.desk.governance.models import User

        role = User.objects.filter(pk=scope.user_id).values("role")
        handed = BoardShare.objects.filter(
            models.Q(kind=BoardShare.Kind.ALL)
            | models.Q(kind=BoardShare.Kind.TEAM, team_id__in=sorted(scope.team_ids))
            | models.Q(kind=BoardShare.Kind.ROLE, role__in=role)
        )
        return self.filter(models.Q(owner_id=scope.user_id) | models.Q(pk__in=handed.values("board_id")))


class Board(models.Model):
    """A page of figures somebody put together. It holds no figure: each reader's tiles say what that reader may see."""

    name = models.CharField(_("name"), max_length=80)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    # How many links it has had, and whether the last of them still opens it (`links`).
    links = models.IntegerField(default=0)
    linked = models.BooleanField(default=False)

    objects = BoardQuerySet.as_manager()

    class Meta:
        verbose_name = _("board")
        verbose_name_plural = _("boards")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class BoardTile(models.Model):
    """One tile of a board: which kind, with which options, and how wide (columns of four)."""

    board = models.ForeignKey(Board, models.CASCADE, related_name="tiles", db_index=False)
    place = models.IntegerField()
    kind = models.CharField(max_length=40)
    options = models.JSONField(default=dict)
    width = models.IntegerField(default=1)

    class Meta:
        verbose_name = _("tile of a board")
        verbose_name_plural = _("tiles of boards")
        ordering = ["place", "pk"]
        indexes = [models.Index(fields=["board", "place"], name="board_tile_place")]
        constraints = [models.CheckConstraint(condition=models.Q(width__gte=1, width__lte=4), name="board_tile_width")]

    def __str__(self) -> str:
        return f"{self.board_id}: {self.kind}"


class BoardShare(models.Model):
    """With whom a board is shared: a role, a team, or everyone who may open Insight."""

    class Kind(models.TextChoices):
        ALL = "all", _("everyone")
        TEAM = "team", _("team")
        ROLE = "role", _("role")

    board = models.ForeignKey(Board, models.CASCADE, related_name="shares")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    role = models.CharField(max_length=40, blank=True)
    team = models.ForeignKey("governance.Team", models.CASCADE, null=True, related_name="+")

    class Meta:
        verbose_name = _("sharing of a board")
        verbose_name_plural = _("sharings of boards")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.board_id}: {self.kind} {self.role}{self.team_id or ''}"


def tiles_of(board: Board) -> list[tuple[str, dict[str, Any], int]]:
    """The tiles in their order: kind, options, width."""
    return [(tile.kind, dict(tile.options), tile.width) for tile in board.tiles.all()]
