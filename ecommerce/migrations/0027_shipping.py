"""Zones and rates of shipping, weights of SKUs; managers set them, everybody sees them."""

import billing.money
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.math
import django.db.models.lookups
from django.db import migrations, models

from backoffice.activity.tracking import install_sql, remove_sql
from ecommerce.roles import make_roles
from ecommerce.tracked import SHIPPING_RATE, SHIPPING_ZONE, SKU


class Migration(migrations.Migration):
    """Adds the tables and their triggers, and sets the permissions of the groups anew."""

    dependencies = [
        ('ecommerce', '0026_words_leave_history'),
    ]

    operations = [
        migrations.AddField(
            model_name='sku',
            name='weight',
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name='weight (g)'),
        ),
        migrations.CreateModel(
            name='ShippingZone',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True, verbose_name='name')),
                ('rest_of_world', models.BooleanField(default=False, verbose_name='rest of the world')),
                ('countries', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=2), blank=True, default=list, size=None, verbose_name='countries')),
                ('regions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None, verbose_name='regions')),
                ('postal_codes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), blank=True, default=list, size=None, verbose_name='postal codes')),
            ],
            options={
                'verbose_name': 'shipping zone',
                'verbose_name_plural': 'shipping zones',
                'constraints': [models.UniqueConstraint(condition=models.Q(('rest_of_world', True)), fields=('rest_of_world',), name='shipping_zone_one_rest_of_world', violation_error_message='Another zone is the rest of the world.'), models.CheckConstraint(condition=models.Q(models.Q(('countries', []), ('postal_codes', []), ('regions', []), ('rest_of_world', True)), models.Q(('countries__len__gt', 0), ('rest_of_world', False)), _connector='OR'), name='shipping_zone_places', violation_error_message='Choose countries, or make the zone the rest of the world.'), models.CheckConstraint(condition=models.Q(models.Q(('postal_codes', []), ('regions', [])), ('countries__len', 1), _connector='OR'), name='shipping_zone_parts_of_one_country', violation_error_message='Regions and postal codes are those of one country: choose no other.')],
            },
        ),
        migrations.CreateModel(
            name='ShippingRate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('currency', models.CharField(choices=billing.money.supported, max_length=3, verbose_name='currency')),
                ('price', models.PositiveBigIntegerField(verbose_name='price')),
                ('free_from', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='free from')),
                ('weight_from', models.PositiveIntegerField(default=0, verbose_name='grams from')),
                ('weight_to', models.PositiveIntegerField(blank=True, null=True, verbose_name='grams below')),
                ('days_from', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='days from')),
                ('days_to', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='days to')),
                ('active', models.BooleanField(default=True, verbose_name='active')),
                ('zone', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rates', to='ecommerce.shippingzone', verbose_name='shipping zone')),
            ],
            options={
                'verbose_name': 'shipping rate',
                'verbose_name_plural': 'shipping rates',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(models.Q(('currency__in', ['bhd', 'jod', 'kwd', 'omr', 'tnd']), _negated=True), django.db.models.lookups.Exact(django.db.models.functions.math.Mod(models.F('price'), 10), 0), _connector='OR'), models.Q(models.Q(('currency__in', ['isk', 'ugx']), _negated=True), django.db.models.lookups.Exact(django.db.models.functions.math.Mod(models.F('price'), 100), 0), _connector='OR')), name='shipping_rate_price_step', violation_error_message="The price is not on the currency's step."), models.CheckConstraint(condition=models.Q(('free_from', None), models.Q(('free_from__gt', 0), models.Q(models.Q(('currency__in', ['bhd', 'jod', 'kwd', 'omr', 'tnd']), _negated=True), django.db.models.lookups.Exact(django.db.models.functions.math.Mod(models.F('free_from'), 10), 0), _connector='OR'), models.Q(models.Q(('currency__in', ['isk', 'ugx']), _negated=True), django.db.models.lookups.Exact(django.db.models.functions.math.Mod(models.F('free_from'), 100), 0), _connector='OR')), _connector='OR'), name='shipping_rate_free_from', violation_error_message="Free from: an amount above zero, on the currency's step."), models.CheckConstraint(condition=models.Q(('weight_to', None), ('weight_from__lt', models.F('weight_to')), _connector='OR'), name='shipping_rate_weights', violation_error_message='Grams below must be more than grams from.'), models.CheckConstraint(condition=models.Q(models.Q(('days_from', None), ('days_to', None)), models.Q(('days_from__isnull', False), ('days_from__lte', models.F('days_to')), ('days_to__isnull', False)), _connector='OR'), name='shipping_rate_days', violation_error_message='Give both ends of the days, the lower one first, or neither.')],
            },
        ),
        migrations.RunSQL(install_sql(SKU), migrations.RunSQL.noop),
        *(migrations.RunSQL(install_sql(each), remove_sql(each)) for each in (SHIPPING_ZONE, SHIPPING_RATE)),
        migrations.RunPython(lambda registry, _schema: make_roles(registry), migrations.RunPython.noop),
    ]
