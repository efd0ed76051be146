"""Supplies with the taxes they have, worked out by hand from the law's text."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ecommerce.models import ShopSettings, TaxRate
from ecommerce.taxes.supply import Supply
from ecommerce.taxes.territories import Place as Address

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def Place(country: str, region: str = "", postal_code: str = "", city: str = "") -> Address:  # noqa: N802
    return Address(country=country, region=region, postal_code=postal_code, city=city)


def rate(country: str, percent: str, name: str = "VAT", what: str = "standard", **more: Any) -> TaxRate:
    return TaxRate(country=country, percent=Decimal(percent), name=name, tax_category=what, **more)


DE, DE7 = rate("DE", "19"), rate("DE", "7", what="reduced")
FR, FR55 = rate("FR", "20"), rate("FR", "5.5", what="reduced")
DK, GB, CH = rate("DK", "25"), rate("GB", "20"), rate("CH", "8.1")
EUROPE = [DE, DE7, FR, FR55, DK]
NEW_YORK = [
    rate("US", "4", "New York State", region="NY"),
    rate("US", "4.5", "New York City", region="NY", postal_codes=["100-104", "111-114", "116"]),
    rate("US", "0.375", "MCTD", region="NY", postal_codes=["100-119", "124-126"]),
    rate("US", "4.25", "Suffolk County", region="NY", postal_codes=["117", "119"]),
]
CALIFORNIA = [
    rate("US", "7.25", "California", region="CA"),
    rate("US", "2.25", "Los Angeles County", region="CA", postal_codes=["90001-91899"]),
    rate("US", "0.75", "Santa Monica", region="CA", city="Santa Monica"),
]
CANADA = [
    rate("CA", "5", "GST", region="BC"),
    rate("CA", "7", "PST", region="BC"),
    rate("CA", "13", "HST", region="ON"),
    rate("CA", "5", "GST", region="QC"),
    rate("CA", "9.975", "QST", region="QC"),
]
INDIA = [
    rate("IN", "9", "CGST", region="Maharashtra"),
    rate("IN", "9", "SGST", region="Maharashtra"),
    rate("IN", "18", "IGST", region="Karnataka"),
]

GERMAN = ShopSettings(country="DE", tax_id="DE136695976")
GOODS, REDUCED, ZERO = (Supply(tax_category=each, shipped=True) for each in ("standard", "reduced", "zero"))
EXEMPT = Supply(tax_category="exempt", shipped=True)
DIGITAL = Supply(tax_category="digital", shipped=False)
SERVICE = Supply(tax_category="standard", shipped=False)

BERLIN, PARIS, COPENHAGEN = Place("DE", "", "10117", "Berlin"), Place("FR", "", "75008", "Paris"), Place("DK")
LONDON, BELFAST = Place("GB", "", "SW1A 1AA", "London"), Place("GB", "", "BT1 5GS", "Belfast")
NEW_YORKER, TORONTO = Place("US", "NY", "10025", "New York"), Place("CA", "ON", "M5V 2T6", "Toronto")
FRENCH_ID, GERMAN_ID, ITALIAN_ID, IRISH_ID = "FR40303265045", "DE136695976", "IT00743110157", "XI980780684"
BRITISH_ID, GREEK_ID = "GB980780684", "EL094259216"


@dataclass(frozen=True)
class Case:
    name: str
    supply: Supply
    to: Address | None
    rates: list[TaxRate]
    answer: str
    reason: str = ""
    tax_id: str = ""
    shop: ShopSettings = GERMAN
    home: Address | None = None
    exempt: str = ""


BRITISH = ShopSettings(country="GB", tax_id="GB980780684")
NORTHERN_IRISH = ShopSettings(country="GB", tax_id="XI980780684")
AMERICAN, FRENCH = ShopSettings(country="US"), ShopSettings(country="FR", tax_id="FR40303265045")
UNSAID = ShopSettings()
SMALL = ShopSettings(country="DE", small_business=True, small_business_reason="No VAT is charged, § 19 UStG.")
WITHIN, REVERSE, EXPORT = "Intra-community supply", "Reverse charge", "Export outside the EU"
CASES = [
    # Consumers in the EU.
    Case("at home", GOODS, BERLIN, EUROPE, "DE VAT 19 S"),
    Case("at home, reduced", REDUCED, BERLIN, EUROPE, "DE VAT 7 S"),
    Case("registered in the other state", GOODS, PARIS, EUROPE, "FR VAT 20 S"),
    Case("registered there, reduced", REDUCED, PARIS, EUROPE, "FR VAT 5.5 S"),
    Case("a country without a reduced rate", REDUCED, COPENHAGEN, EUROPE, "DK VAT 25 S"),
    Case("below the threshold: as at home", GOODS, PARIS, [DE, DE7], "DE VAT 19 S"),
    Case("below the threshold, reduced", REDUCED, PARIS, [DE, DE7], "DE VAT 7 S"),
    Case("digital, registered there", DIGITAL, PARIS, EUROPE, "FR VAT 20 S"),
    Case("digital, below the threshold", DIGITAL, PARIS, [DE], "DE VAT 19 S"),
    Case("digital is taxed where the customer lives", DIGITAL, BERLIN, EUROPE, "FR VAT 20 S", home=PARIS),
    Case("goods are taxed where they go", GOODS, BERLIN, EUROPE, "DE VAT 19 S", home=PARIS),
    Case("not registered at home nor there", GOODS, PARIS, NEW_YORK, "FR Tax 0 O", "Not registered for tax in France."),
    Case("not registered at home", GOODS, BERLIN, NEW_YORK, "DE Tax 0 O", "Not registered for tax in Germany."),
    # Businesses in the EU.
    Case("goods to another state, its id", GOODS, PARIS, EUROPE, "FR VAT 0 K", WITHIN, FRENCH_ID),
    Case("the same where not registered there", GOODS, PARIS, [DE], "FR VAT 0 K", WITHIN, FRENCH_ID),
    Case("reduced goods too", REDUCED, PARIS, EUROPE, "FR VAT 0 K", WITHIN, FRENCH_ID),
    Case("goods to a third state", GOODS, COPENHAGEN, EUROPE, "DK VAT 0 K", WITHIN, FRENCH_ID),
    Case("goods that stay at home", GOODS, BERLIN, EUROPE, "DE VAT 19 S", "", FRENCH_ID, home=PARIS),
    Case("the shop's own state's id", GOODS, PARIS, EUROPE, "FR VAT 20 S", "", GERMAN_ID),
    Case("own id at home", GOODS, BERLIN, EUROPE, "DE VAT 19 S", "", GERMAN_ID),
    Case("Greece's prefix is EL", GOODS, Place("GR"), EUROPE, "GR VAT 0 K", WITHIN, GREEK_ID),
    Case("digital to a business", DIGITAL, PARIS, EUROPE, "FR VAT 0 AE", REVERSE, FRENCH_ID),
    Case("a service to a business", SERVICE, PARIS, EUROPE, "FR VAT 0 AE", REVERSE, FRENCH_ID),
    Case("digital to a business at home", DIGITAL, BERLIN, EUROPE, "DE VAT 19 S", "", GERMAN_ID),
    Case("a British id means nothing in the EU", GOODS, PARIS, EUROPE, "FR VAT 20 S", "", BRITISH_ID),
    Case("nor does a Swiss one", DIGITAL, PARIS, EUROPE, "FR VAT 20 S", "", "CHE107787577MWST"),
    # Leaving the EU.
    Case("export to a consumer", GOODS, TORONTO, EUROPE, "CA VAT 0 G", EXPORT),
    Case("export to a business", GOODS, TORONTO, EUROPE, "CA VAT 0 G", EXPORT, "CA123026635RC0001"),
    Case("export with an EU id", GOODS, TORONTO, EUROPE, "CA VAT 0 G", EXPORT, FRENCH_ID),
    Case("export to Great Britain", GOODS, LONDON, EUROPE, "GB VAT 0 G", EXPORT),
    Case("export of zero-rated goods", ZERO, TORONTO, EUROPE, "CA VAT 0 G", EXPORT),
    Case("registered outside", GOODS, LONDON, [*EUROPE, GB], "GB VAT 20 S"),
    Case("registered in New York", GOODS, NEW_YORKER, [DE, *NEW_YORK],
         "US NY New York State 4 S + US NY New York City 4.5 S + US NY MCTD 0.375 S"),
    Case("registered elsewhere in the country", GOODS, Place("US", "OR", "97201"), [DE, *NEW_YORK], "US VAT 0 G",
         EXPORT),
    Case("digital outside", DIGITAL, TORONTO, EUROPE, "CA VAT 0 O", "Not subject to VAT"),
    Case("digital outside, registered", DIGITAL, TORONTO, [DE, *CANADA], "CA ON HST 13 S"),
    Case("digital to Switzerland", DIGITAL, Place("CH"), [DE], "CH VAT 0 O", "Not subject to VAT"),
    # Northern Ireland.
    Case("goods to a consumer there, registered", GOODS, BELFAST, [DE, rate("XI", "20")], "XI VAT 20 S"),
    Case("with the rates of the United Kingdom", GOODS, BELFAST, [DE, GB], "XI VAT 20 S"),
    Case("below the threshold", GOODS, BELFAST, [DE], "DE VAT 19 S"),
    Case("goods to a business there", GOODS, BELFAST, [DE], "XI VAT 0 K", WITHIN, IRISH_ID),
    Case("an address with XI as country", GOODS, Place("XI"), [DE], "XI VAT 0 K", WITHIN, IRISH_ID),
    Case("a mainland id there", GOODS, BELFAST, [DE], "DE VAT 19 S", "", BRITISH_ID),
    Case("goods elsewhere in the EU for it", GOODS, PARIS, EUROPE, "FR VAT 0 K", WITHIN, IRISH_ID),
    Case("digital there is outside", DIGITAL, BELFAST, [DE], "GB VAT 0 O", "Not subject to VAT", IRISH_ID),
    Case("a shop there sells goods into the EU", GOODS, PARIS, [GB], "FR VAT 0 K", WITHIN, FRENCH_ID, NORTHERN_IRISH),
    Case("and to a consumer", GOODS, PARIS, [GB], "XI VAT 20 S", "", "", NORTHERN_IRISH),
    Case("and overseas", GOODS, TORONTO, [GB], "CA VAT 0 G", EXPORT, "", NORTHERN_IRISH),
    Case("and at home", GOODS, BELFAST, [GB], "XI VAT 20 S", "", IRISH_ID, NORTHERN_IRISH),
    Case("a British shop sends there", GOODS, BELFAST, [GB], "XI VAT 20 S", "", "", BRITISH),
    Case("a British shop and its id", GOODS, BELFAST, [GB], "XI VAT 20 S", "", IRISH_ID, BRITISH),
    # Monaco, and what only looks like the EU.
    Case("Monaco is France", GOODS, Place("MC", "", "98000"), EUROPE, "FR VAT 20 S"),
    Case("Monaco, a business", GOODS, Place("MC", "", "98000"), [DE], "FR VAT 0 K", WITHIN, FRENCH_ID),
    Case("Monaco, a French shop", GOODS, Place("MC"), [FR], "FR VAT 20 S", "", FRENCH_ID, FRENCH),
    Case("Las Palmas by code", GOODS, Place("ES", "", "35001"), [DE, rate("ES", "21")], "ES VAT 0 G", EXPORT),
    Case("Tenerife by province", GOODS, Place("ES", "Santa Cruz de Tenerife"), [DE, rate("ES", "21")],
         "ES VAT 0 G", EXPORT),
    Case("Ceuta", GOODS, Place("ES", "", "51001"), [DE], "ES VAT 0 G", EXPORT),
    Case("Melilla", GOODS, Place("ES", "ML", ""), [DE], "ES VAT 0 G", EXPORT),
    Case("the Balearics are Spain", GOODS, Place("ES", "", "07001"), [DE, rate("ES", "21")], "ES VAT 21 S"),
    Case("Büsingen by name", GOODS, Place("DE", "", "", "Büsingen am Hochrhein"), EUROPE, "DE VAT 0 G", EXPORT),
    Case("Büsingen by code", GOODS, Place("DE", "", "78266"), EUROPE, "DE VAT 0 G", EXPORT),
    Case("Heligoland", GOODS, Place("DE", "", "27498", "Helgoland"), EUROPE, "DE VAT 0 G", EXPORT),
    Case("Heligoland, digital", DIGITAL, Place("DE", "", "27498"), EUROPE, "DE VAT 0 O", "Not subject to VAT"),
    Case("beside Heligoland", GOODS, Place("DE", "", "27499"), EUROPE, "DE VAT 19 S"),
    Case("Livigno", GOODS, Place("IT", "SO", "23041", "Livigno"), [DE, rate("IT", "22")], "IT VAT 0 G", EXPORT),
    Case("Livigno by its old code", GOODS, Place("IT", "SO", "23030", "LIVIGNO"), [DE], "IT VAT 0 G", EXPORT),
    Case("Bormio beside it", GOODS, Place("IT", "SO", "23032", "Bormio"), [DE, rate("IT", "22")], "IT VAT 22 S"),
    Case("Campione", GOODS, Place("IT", "CO", "22061", "Campione d'Italia"), [DE], "IT VAT 0 G", EXPORT),
    Case("Åland by country", GOODS, Place("AX", "", "22100"), [DE, rate("FI", "25.5")], "AX VAT 0 G", EXPORT),
    Case("Åland as Finland", GOODS, Place("FI", "", "22100"), [DE, rate("FI", "25.5")], "AX VAT 0 G", EXPORT),
    Case("Turku is Finland", GOODS, Place("FI", "", "20100"), [DE, rate("FI", "25.5")], "FI VAT 25.5 S"),
    Case("Mount Athos", GOODS, Place("GR", "", "630 86"), [DE, rate("GR", "24")], "GR VAT 0 G", EXPORT),
    Case("Thessaloniki", GOODS, Place("GR", "", "546 21"), [DE, rate("GR", "24")], "GR VAT 24 S"),
    Case("Guadeloupe", GOODS, Place("GP", "", "97100"), EUROPE, "GP VAT 0 G", EXPORT),
    Case("Martinique as France", GOODS, Place("FR", "", "97200"), EUROPE, "MQ VAT 0 G", EXPORT),
    Case("Réunion", GOODS, Place("RE", "", "97400"), EUROPE, "RE VAT 0 G", EXPORT),
    Case("Réunion with rates of its own", GOODS, Place("FR", "", "97400"), [*EUROPE, rate("RE", "8.5")],
         "RE VAT 8.5 S"),
    Case("a business on Tenerife", GOODS, Place("ES", "", "38001"), [DE], "ES VAT 0 G", EXPORT, "ES54362315K"),
    Case("a French shop sends to Réunion", GOODS, Place("RE"), [FR], "RE VAT 0 G", EXPORT, "", FRENCH),
    Case("a rate that names the territory", GOODS, Place("ES", "", "35001"),
         [DE, rate("ES", "21"), rate("ES", "7", "IGIC", postal_codes=["35", "38"])], "ES IGIC 7 S"),
    # Shops elsewhere.
    Case("American, registered", GOODS, NEW_YORKER, NEW_YORK,
         "US NY New York State 4 S + US NY New York City 4.5 S + US NY MCTD 0.375 S", shop=AMERICAN),
    Case("American, another state", GOODS, Place("US", "OR"), NEW_YORK, "US Tax 0 O",
         "Not registered for tax in OR, United States.", shop=AMERICAN),
    Case("American, abroad", GOODS, TORONTO, NEW_YORK, "CA Tax 0 O", "Not registered for tax in Canada.",
         shop=AMERICAN),
    Case("American, into the EU", GOODS, PARIS, [*NEW_YORK, FR], "FR VAT 20 S", shop=AMERICAN),
    Case("American, digital to a business there", DIGITAL, PARIS, [*NEW_YORK, FR], "FR VAT 0 AE", REVERSE,
         FRENCH_ID, AMERICAN),
    Case("American, not registered there", DIGITAL, PARIS, NEW_YORK, "FR Tax 0 O",
         "Not registered for tax in France.", FRENCH_ID, AMERICAN),
    Case("British, goods to the EU", GOODS, PARIS, [GB], "FR Tax 0 O", "Not registered for tax in France.",
         FRENCH_ID, BRITISH),
    Case("a shop that has not said where it is", GOODS, PARIS, EUROPE, "FR VAT 20 S", shop=UNSAID),
    Case("not registered, either", GOODS, TORONTO, EUROPE, "CA Tax 0 O", "Not registered for tax in Canada.",
         shop=UNSAID),
    Case("nobody has said anything", GOODS, None, EUROPE, "Tax 0 O", "It is not known where", shop=UNSAID),
    Case("no address yet: as at home", GOODS, None, EUROPE, "DE VAT 19 S"),
    # Zero, exempt, small.
    Case("zero without a row", ZERO, BERLIN, EUROPE, "DE VAT 0 Z"),
    Case("zero with a row", ZERO, LONDON, [DE, GB, rate("GB", "0", "Zero rate", "zero", category="Z")],
         "GB Zero rate 0 Z"),
    Case("exempt without a row", EXEMPT, BERLIN, EUROPE, "DE VAT 0 E", "Exempt from tax."),
    Case("exempt with a row", EXEMPT, BERLIN,
         [DE, rate("DE", "0", what="exempt", category="E", reason="Exempt, § 4 UStG.")], "DE VAT 0 E",
         "Exempt, § 4 UStG."),
    Case("zero abroad, below the threshold", ZERO, PARIS, [DE], "DE VAT 0 Z"),
    Case("a rate of 0 % is zero-rated", GOODS, Place("US", "OR"), [rate("US", "0", "Oregon", region="OR")],
         "US OR Oregon 0 Z"),
    Case("an exempt customer", GOODS, BERLIN, EUROPE, "DE VAT 0 E", "Embassy", exempt="Embassy"),
    Case("an exempt customer, several rates", GOODS, NEW_YORKER, NEW_YORK, "US NY New York State 0 E", "Resale",
         shop=AMERICAN, exempt="Resale"),
    Case("exempt, as at home", GOODS, PARIS, [DE], "DE VAT 0 E", "Embassy", exempt="Embassy"),
    Case("exempt, zero-rated goods", ZERO, BERLIN, EUROPE, "DE VAT 0 Z", "", exempt="Embassy"),
    Case("exempt, export", GOODS, TORONTO, EUROPE, "CA VAT 0 G", EXPORT, exempt="Embassy"),
    Case("exempt, another state's id", GOODS, PARIS, EUROPE, "FR VAT 0 K", WITHIN, FRENCH_ID, exempt="Embassy"),
    Case("a small business", GOODS, BERLIN, EUROPE, "DE VAT 0 E", "No VAT is charged, § 19 UStG.", shop=SMALL),
    Case("a small business, abroad", GOODS, PARIS, EUROPE, "DE VAT 0 E", "No VAT is charged, § 19 UStG.", shop=SMALL),
    Case("a small business without rates", GOODS, BERLIN, [], "DE VAT 0 E", "No VAT is charged, § 19 UStG.",
         shop=SMALL),
    # Parts of countries.
    Case("state, county, city", GOODS, Place("US", "CA", "90401", "Santa Monica"), CALIFORNIA,
         "US CA California 7.25 S + US CA Santa Monica 0.75 S + US CA Los Angeles County 2.25 S", shop=AMERICAN),
    Case("the state by its name", GOODS, Place("US", "California", "94105", "San Francisco"), CALIFORNIA,
         "US CA California 7.25 S", shop=AMERICAN),
    Case("ZIP+4", GOODS, Place("US", "NY", "11743-1234"), NEW_YORK,
         "US NY New York State 4 S + US NY MCTD 0.375 S + US NY Suffolk County 4.25 S", shop=AMERICAN),
    Case("Buffalo", GOODS, Place("US", "NY", "14201"), NEW_YORK, "US NY New York State 4 S", shop=AMERICAN),
    Case("two taxes of a province", GOODS, Place("CA", "QC"), CANADA, "CA QC GST 5 S + CA QC QST 9.975 S"),
    Case("one tax of another", GOODS, TORONTO, CANADA, "CA ON HST 13 S"),
    Case("CGST and SGST are two", GOODS, Place("IN", "Maharashtra"), INDIA,
         "IN Maharashtra CGST 9 S + IN Maharashtra SGST 9 S"),
    Case("IGST is one", GOODS, Place("IN", "karnataka"), INDIA, "IN Karnataka IGST 18 S"),
    Case("the smaller place of one name", GOODS, Place("PT", "", "9000-001"),
         [DE, rate("PT", "23"), rate("PT", "22", postal_codes=["90-94"]), rate("PT", "16",
         postal_codes=["95-99"])], "PT VAT 22 S"),
    Case("outside of it", GOODS, Place("PT", "", "1000-001"),
         [DE, rate("PT", "23"), rate("PT", "22", postal_codes=["90-94"])], "PT VAT 23 S"),
    Case("postal code before city", GOODS, Place("US", "CA", "90401", "Santa Monica"),
         [rate("US", "1", "Local", region="CA", city="Santa Monica"), rate("US", "2", "Local", postal_codes=["90401"])],
         "US Local 2 S"),
    Case("longer postal code", GOODS, Place("US", "CA", "90401"),
         [rate("US", "1", "Local", postal_codes=["90401"]), rate("US", "2", "Local", postal_codes=["904"])],
         "US Local 1 S"),
    Case("city before region", GOODS, Place("US", "CA", "", "Santa  monica"),
         [rate("US", "1", "Local", city="Santa Monica"), rate("US", "2", "Local", region="CA")], "US Local 1 S"),
    Case("region before country", GOODS, Place("US", "ca"), [rate("US", "1", "Local", region="CA"), rate("US", "2",
         "Local")],
         "US CA Local 1 S"),
    Case("a category's own rate for the country before a part's standard", REDUCED, Place("PT", "", "9000-001"),
         [DE, rate("PT", "6", what="reduced"), rate("PT", "22", postal_codes=["90-94"])], "PT VAT 6 S"),
    Case("a county of 0 % is not named", GOODS, Place("US", "TX"), [rate("US", "6.25", "Texas"), rate("US", "0",
         "County")],
         "US Texas 6.25 S"),
    Case("digital has a rate of its own", DIGITAL, PARIS, [DE, FR, rate("FR", "5.5", what="digital")], "FR VAT 5.5 S"),
]  # fmt: skip
