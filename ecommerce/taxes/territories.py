"""The member states of the EU, and the places that only look like parts of it.

Sources: Council Directive 2006/112/EC (consolidated), articles 5 to 7: articles 6 (1) and (2) list the territories
where it doesn't apply, article 7 has Monaco treated as France; the protocol on Ireland and Northern Ireland (now the
Windsor Framework), article 8, has Northern Ireland treated as a member state for goods alone. Postal codes: those of
Deutsche Post, Poste Italiane, Correos, Posti, La Poste and ELTA for these places; the codes that Livigno and Campione
shared with their neighbours until they had one of their own are told by the town's name.
"""

import unicodedata
from dataclasses import dataclass

from customers.postal_addresses import state_code
from customers.postal_codes import comparable
from customers.tax_ids import NORTHERN_IRELAND, country_of

EU = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
        "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip
_TREATED_AS = {"MC": "FR"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """A part of a country in which the country's own rates don't hold; `code` where it has an ISO code of its own."""

    country: str
    name: str
    code: str = ""
    postal_codes: tuple[str, ...] = ()
    regions: frozenset[str] = frozenset()
    cities: frozenset[str] = frozenset()


TERRITORIES = (
    Territory(
        country="ES",
        name="Canary Islands",
        postal_codes=("35", "38"),
        regions=frozenset({"GC", "TF", "CN", "CANARIAS", "CANARY ISLANDS", "ISLAS CANARIAS"}),
    ),
    Territory(country="ES", name="Ceuta", postal_codes=("51",), regions=frozenset({"CE"})),
    Territory(country="ES", name="Melilla", postal_codes=("52",), regions=frozenset({"ML"})),
    Territory(
        country="DE",
        name="Büsingen",
        postal_codes=("78266",),
        cities=frozenset({"busingen", "busingen am hochrhein", "buesingen", "buesingen am hochrhein"}),
    ),
    Territory(country="DE", name="Heligoland", postal_codes=("27498",), cities=frozenset({"helgoland", "heligoland"})),
    Territory(country="IT", name="Livigno", postal_codes=("23041",), cities=frozenset({"livigno"})),
    Territory(
        country="IT",
        name="Campione d'Italia",
        postal_codes=("22061",),
        cities=frozenset({"campione d'italia", "campione d’italia", "campione"}),
    ),
    Territory(country="FI", name="Åland", code="AX", postal_codes=("22",)),
    Territory(
        country="GR",
        name="Mount Athos",
        postal_codes=("63086", "63087"),
        cities=frozenset({"agio oros", "agion oros", "αγιο ορος", "αγιον ορος", "mount athos", "karyes mount athos"}),
    ),
    Territory(country="FR", name="Guadeloupe", code="GP", postal_codes=("971",)),
    Territory(country="FR", name="Martinique", code="MQ", postal_codes=("972",)),
    Territory(country="FR", name="French Guiana", code="GF", postal_codes=("973",)),
    Territory(country="FR", name="Réunion", code="RE", postal_codes=("974",)),
    Territory(country="FR", name="Saint Pierre and Miquelon", code="PM", postal_codes=("975",)),
    Territory(country="FR", name="Mayotte", code="YT", postal_codes=("976",)),
    Territory(country="FR", name="Saint Barthélemy", code="BL", postal_codes=("97133", "97700", "977")),
    Territory(country="FR", name="Saint Martin", code="MF", postal_codes=("97150", "97800", "978")),
    Territory(country="FR", name="French Southern Territories", code="TF", postal_codes=("984",)),
    Territory(country="FR", name="Wallis and Futuna", code="WF", postal_codes=("986",)),
    Territory(country="FR", name="French Polynesia", code="PF", postal_codes=("987",)),
    Territory(country="FR", name="New Caledonia", code="NC", postal_codes=("988",)),
)
# The longest postal codes first: 97133 is Saint Barthélemy, though 971 is Guadeloupe.
_BY_POSTAL_CODE = sorted(
    ((code, each) for each in TERRITORIES for code in each.postal_codes), key=lambda pair: -len(pair[0])
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something goes or somebody lives, as an address says it."""

    country: str
    region: str = ""
    postal_code: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What a place is for taxes.

    `countries` are those whose rates may hold there, the first that has some counts. `in_part`: of the last of them
    only those that name a region, postal codes or a city.
    """

    place: Place
    countries: tuple[str, ...]
    in_part: bool = False
    territory: str = ""

    @property
    def country(self) -> str:
        """The country whose tax it is."""
        return self.countries[0]


def is_in_eu(area: Area, *, goods: bool) -> bool:
    """Whether the EU's rules on tax hold there."""
    return not area.in_part and (area.country in EU or (goods and area.country == NORTHERN_IRELAND))


def area_of(place: Place, *, goods: bool) -> Area:
    """Return what a place is for goods, or for services."""
    country = _TREATED_AS.get(place.country, place.country)
    territory = _territory(place)
    if territory:
        own = (territory.code,) if territory.code else ()
        return Area(place=place, countries=(*own, country), in_part=True, territory=territory.name)
    parents = tuple(each.country for each in TERRITORIES if each.code == country)
    if parents:
        return Area(place=place, countries=(country, *parents), in_part=True)
    if _is_northern_ireland(place):
        return Area(place=place, countries=(NORTHERN_IRELAND, "GB") if goods else ("GB",))
    return Area(place=place, countries=(country,))


def countries_beside(country: str) -> frozenset[str]:
    """Return the countries whose rates may hold somewhere in a country: France's in Monaco, Åland's in Finland."""
    known = {_TREATED_AS.get(country, country)}
    known.update(each.code for each in TERRITORIES if each.code and each.country == country)
    known.update(each.country for each in TERRITORIES if each.code == country)
    return frozenset(known | ({"GB", NORTHERN_IRELAND} if known & {"GB", NORTHERN_IRELAND} else set()))


def _territory(place: Place) -> Territory | None:
    code = comparable(place.country, place.postal_code)
    by_code = (each for prefix, each in _BY_POSTAL_CODE if each.country == place.country and code.startswith(prefix))
    region, city = state_code(place.country, place.region), _folded(place.city)
    by_name = (each for each in TERRITORIES if each.country == place.country and {region} & each.regions)
    by_city = (each for each in TERRITORIES if each.country == place.country and {city} & each.cities)
    return next(by_code, None) or next(by_name, None) or next(by_city, None)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(each for each in plain if not unicodedata.combining(each)).split())


def _is_northern_ireland(place: Place) -> bool:
    is_belfast = place.country == "GB" and comparable("GB", place.postal_code).startswith("BT")
    return place.country == NORTHERN_IRELAND or is_belfast


def member_state(tax_id: str, *, goods: bool) -> str:
    """Return the member state of a tax id, Northern Ireland for goods among them; empty for all others."""
    if tax_id.startswith(NORTHERN_IRELAND):
        return NORTHERN_IRELAND if goods else ""
    country = country_of(tax_id)
    return country if country in EU else ""
