"""Which places two zones both name, so that neither says more of an address than the other."""

from customers import postal_codes
from ecommerce.models import ShippingZone


def shared_countries(zone: ShippingZone, other: ShippingZone) -> list[str]:
    """Return the countries of which both name the whole."""
    if zone.regions or zone.postal_codes or other.regions or other.postal_codes:
        return []
    return [country for country in zone.countries if country in other.countries]


def shared_regions(zone: ShippingZone, other: ShippingZone) -> list[str]:
    """Return the regions that both name."""
    same_country = zone.countries == other.countries
    return [region for region in zone.regions if same_country and region in other.regions]


def shared_postal_codes(zone: ShippingZone, other: ShippingZone) -> list[tuple[str, str]]:
    """Return entries of both that have codes in common, where neither entry is the longer one."""
    if zone.countries != other.countries or len(zone.countries) != 1:
        return []
    (country,) = zone.countries
    theirs = [postal_codes.parse(country, text) for text in other.postal_codes]
    ours = [postal_codes.parse(country, text) for text in zone.postal_codes]
    return [(one.text, two.text) for one in ours for two in theirs if one.overlaps(two)]
