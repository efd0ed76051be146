"""What browsers need to lay out an address."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.vary import vary_on_headers

from customers.countries import country_choices
from customers.postal_addresses import country_rules


@cache_control(public=True, max_age=86400)
@vary_on_headers("Accept-Language")
def address_fields(_request: HttpRequest) -> JsonResponse:
    """Return by country: town fields in their order, which are required, and what the country calls them."""
    known = {code: rules for code, _name in country_choices() if (rules := country_rules(code))}
    return JsonResponse(
        {
            code: {
                "fields": [field for field in rules.fields if field in rules.labels],
                "required": sorted(rules.required & rules.labels.keys()),
                "labels": {field: str(label) for field, label in rules.labels.items()},
            }
            for code, rules in known.items()
        }
    )
