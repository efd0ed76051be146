# Tags and notes of orders, and the parameters of the bulk jobs that set them. The constraint of orders is validated by
# the next migration, without a lock.

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0026_tax_report'),
        ('customers', '0010_tax_ids'),
        ('ecommerce', '0040_reasons'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='NoteAttachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('file', models.CharField(editable=False, max_length=300, unique=True)),
                ('size', models.PositiveIntegerField(verbose_name='size in bytes')),
            ],
            options={
                'verbose_name': 'attachment',
                'verbose_name_plural': 'attachments',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='NoteMention',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('read_at', models.DateTimeField(blank=True, null=True, verbose_name='read')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='OrderNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('by_kind', models.CharField(choices=[('staff', 'Staff'), ('customer', 'Customer'), ('api_key', 'API key'), ('system', 'System'), ('stripe', 'Stripe')], max_length=10, verbose_name='by kind')),
                ('by_label', models.CharField(max_length=200, verbose_name='by')),
                ('text', models.TextField(blank=True, verbose_name='text')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='at')),
            ],
            options={
                'verbose_name': 'note',
                'verbose_name_plural': 'notes',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='OrderTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Tag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40, verbose_name='name')),
                ('colour', models.CharField(choices=[('grey', 'Grey'), ('red', 'Red'), ('orange', 'Orange'), ('green', 'Green'), ('blue', 'Blue'), ('purple', 'Purple')], default='grey', max_length=10, verbose_name='colour')),
            ],
            options={
                'verbose_name': 'tag',
                'verbose_name_plural': 'tags',
            },
        ),
        migrations.AddField(
            model_name='bulkjob',
            name='parameters',
            field=models.JSONField(blank=True, db_default={}, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='order',
            name='held_for_review',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AlterField(
            model_name='bulkjob',
            name='action',
            field=models.CharField(choices=[('export', 'Export'), ('fulfill', 'Fulfill'), ('cancel', 'Cancel'), ('return', 'Return'), ('tag', 'Tag'), ('hold', 'Hold'), ('release', 'Release'), ('assign', 'Assign')], max_length=10, verbose_name='action'),
        ),
        AddConstraintNotValid(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('on_hold', True), ('held_for_review', False), _connector='OR'), name='order_held_for_review'),
        ),
        migrations.AddField(
            model_name='notemention',
            name='user',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='mentions', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ordernote',
            name='by_user',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user'),
        ),
        migrations.AddField(
            model_name='ordernote',
            name='order',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notes', to='ecommerce.order', verbose_name='order'),
        ),
        migrations.AddField(
            model_name='notemention',
            name='note',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mentions', to='ecommerce.ordernote'),
        ),
        migrations.AddField(
            model_name='noteattachment',
            name='note',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attachments', to='ecommerce.ordernote'),
        ),
        migrations.AddField(
            model_name='ordertag',
            name='order',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='order_tags', to='ecommerce.order'),
        ),
        migrations.AddField(
            model_name='tag',
            name='orders',
            field=models.ManyToManyField(editable=False, related_name='tags', through='ecommerce.OrderTag', to='ecommerce.order'),
        ),
        migrations.AddField(
            model_name='ordertag',
            name='tag',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='order_tags', to='ecommerce.tag'),
        ),
        migrations.AddIndex(
            model_name='notemention',
            index=models.Index(fields=['user', '-id'], name='note_mention_of_user'),
        ),
        migrations.AddIndex(
            model_name='notemention',
            index=models.Index(condition=models.Q(('read_at', None)), fields=['user'], name='note_mention_unread'),
        ),
        migrations.AddConstraint(
            model_name='notemention',
            constraint=models.UniqueConstraint(fields=('note', 'user'), name='note_mention_once'),
        ),
        migrations.AddConstraint(
            model_name='tag',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='tag_name', violation_error_message='There is a tag of this name already.'),
        ),
        migrations.AddConstraint(
            model_name='tag',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('name', ''), _negated=True), models.Q(('name__contains', ','), _negated=True)), name='tag_name_without_comma', violation_error_message='A tag has no comma in it.'),
        ),
        migrations.AddIndex(
            model_name='ordertag',
            index=models.Index(fields=['tag', 'order'], name='order_tag_of_tag'),
        ),
        migrations.AddConstraint(
            model_name='ordertag',
            constraint=models.UniqueConstraint(fields=('order', 'tag'), name='order_tag_once'),
        ),
    ]
