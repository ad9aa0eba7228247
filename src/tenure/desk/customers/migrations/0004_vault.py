from django.db import migrations

from tenure.desk import sealed
from tenure.desk.customers import names


class Migration(migrations.Migration):
    dependencies = [("customers", "0003_backup")]

    operations = [
        migrations.AddField("customer", "sealed_under", sealed.SealedUnder()),
        migrations.AlterField("customer", "phone", sealed.SealedText(blank=True, max_length=60, verbose_name="phone")),
        migrations.AddField("customer", "phone_index", sealed.BlindIndex(of="phone", normal=names.whole_phone)),
        migrations.AlterField("customer", "phone_last4", sealed.BlindIndex(of="phone", normal=names.last_four)),
        migrations.AlterField(
            "customer", "email", sealed.SealedText(blank=True, max_length=320, verbose_name="e-mail")
        ),
        migrations.AddField("customer", "email_index", sealed.BlindIndex(of="email", normal=names.whole_email)),
        migrations.AddField("score", "sealed_under", sealed.SealedUnder()),
        migrations.AlterField("score", "extra", sealed.SealedJSON(default=dict)),
    ]
