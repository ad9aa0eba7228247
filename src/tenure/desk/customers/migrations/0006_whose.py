from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0005_vault_rows"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="score",
            name="score_risk",
        ),
        migrations.RemoveIndex(
            model_name="score",
            name="score_value",
        ),
        migrations.RemoveIndex(
            model_name="score",
            name="score_spent",
        ),
        migrations.RemoveIndex(
            model_name="score",
            name="score_recency",
        ),
        migrations.RemoveIndex(
            model_name="score",
            name="score_at_risk",
        ),
        migrations.AddField(
            model_name="score",
            name="owner_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="score",
            name="region",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="score",
            name="team_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.RunSQL(
            "UPDATE customers_score SET "
            + ", ".join(
                f"{name} = (SELECT c.{name} FROM customers_customer c WHERE c.person_id = customers_score.customer_id)"
                for name in ("owner_id", "team_id", "region")
            ),
            migrations.RunSQL.noop,
        ),
        migrations.AddIndex(
            model_name="score",
            index=models.Index(
                fields=["generation", "risk_key", "customer", "team_id", "region", "owner_id"], name="score_risk"
            ),
        ),
        migrations.AddIndex(
            model_name="score",
            index=models.Index(
                fields=["generation", "value_key", "customer", "team_id", "region", "owner_id"], name="score_value"
            ),
        ),
        migrations.AddIndex(
            model_name="score",
            index=models.Index(
                fields=[
                    "generation",
                    "at_risk_minor",
                    "customer",
                    "stage",
                    "risk_band",
                    "rfm_cell",
                    "value_decile",
                    "team_id",
                    "region",
                    "owner_id",
                ],
                name="score_at_risk",
            ),
        ),
        migrations.AddIndex(
            model_name="score",
            index=models.Index(
                fields=[
                    "generation",
                    "owner_id",
                    "customer",
                    "at_risk_minor",
                    "risk_key",
                    "value_key",
                    "spent_key",
                    "recency_key",
                ],
                name="score_own",
            ),
        ),
        migrations.AddIndex(
            model_name="score",
            index=models.Index(
                fields=["generation", "spent_key", "customer", "team_id", "region", "owner_id"], name="score_spent"
            ),
        ),
        migrations.AddIndex(
            model_name="score",
            index=models.Index(
                fields=["generation", "recency_key", "customer", "team_id", "region", "owner_id"], name="score_recency"
            ),
        ),
    ]
