import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0013_tags"),
        ("governance", "0006_rights"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Board",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("made_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                ("links", models.IntegerField(default=0)),
                ("linked", models.BooleanField(default=False)),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "board",
                "verbose_name_plural": "boards",
                "ordering": ["name", "pk"],
            },
        ),
        migrations.CreateModel(
            name="BoardShare",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(choices=[("all", "everyone"), ("team", "team"), ("role", "role")], max_length=10),
                ),
                ("role", models.CharField(blank=True, max_length=40)),
                (
                    "board",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="shares", to="customers.board"
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="governance.team"
                    ),
                ),
            ],
            options={
                "verbose_name": "sharing of a board",
                "verbose_name_plural": "sharings of boards",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="BoardTile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.IntegerField()),
                ("kind", models.CharField(max_length=40)),
                ("options", models.JSONField(default=dict)),
                ("width", models.IntegerField(default=1)),
                (
                    "board",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tiles",
                        to="customers.board",
                    ),
                ),
            ],
            options={
                "verbose_name": "tile of a board",
                "verbose_name_plural": "tiles of boards",
                "ordering": ["place", "pk"],
                "indexes": [models.Index(fields=["board", "place"], name="board_tile_place")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("width__gte", 1), ("width__lte", 4)), name="board_tile_width"
                    )
                ],
            },
        ),
    ]
