"""Names of countries as CRM users type them, and the tax number a business there usually has. Codes: ISO 3166-1."""

#: Codes that are in use (ISO 3166-1 alpha-2, with XK for Kosovo as Stripe accepts it).
CODES = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
    CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
    GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
    MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
    SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
    UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
    """.split()  # noqa: SIM905 - 250 quoted codes read worse
)

_NAMES = """
AE United Arab Emirates, UAE
AR Argentina
AT Austria, Österreich
AU Australia
BE Belgium, Belgique, België
BG Bulgaria
BR Brazil, Brasil
CA Canada
CH Switzerland, Schweiz, Suisse
CL Chile
CN China, People's Republic of China
CO Colombia
CY Cyprus
CZ Czech Republic, Czechia
DE Germany, Deutschland
DK Denmark, Danmark
EE Estonia
EG Egypt
ES Spain, España
FI Finland, Suomi
FR France
GB United Kingdom, UK, Great Britain, England, Scotland, Wales, Northern Ireland
GR Greece
HK Hong Kong
HR Croatia
HU Hungary
ID Indonesia
IE Ireland
IL Israel
IN India
IS Iceland
IT Italy, Italia
JP Japan
KE Kenya
KR South Korea, Korea, Republic of Korea
LI Liechtenstein
LT Lithuania
LU Luxembourg
LV Latvia
MT Malta
MX Mexico, México
MY Malaysia
NG Nigeria
NL Netherlands, The Netherlands, Holland, Nederland
NO Norway, Norge
NZ New Zealand
PE Peru
PH Philippines
PL Poland, Polska
PT Portugal
QA Qatar
RO Romania
RS Serbia
SA Saudi Arabia
SE Sweden, Sverige
SG Singapore
SI Slovenia
SK Slovakia
TH Thailand
TR Turkey, Türkiye
TW Taiwan
UA Ukraine
US United States, United States of America, USA, America
UY Uruguay
VN Vietnam, Viet Nam
ZA South Africa
"""


def _by_name() -> dict[str, str]:
    rows = (row.partition(" ") for row in _NAMES.strip().splitlines())
    return {name.strip().casefold(): code for code, _, names in rows for name in names.split(",")}


#: Casefolded name → code.
NAMES = _by_name()

_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905

#: Country → Stripe's type for the tax number that a business there usually has.
TAX_ID_TYPES = dict.fromkeys(_EU, "eu_vat") | {
    "AE": "ae_trn",
    "AU": "au_abn",
    "BR": "br_cnpj",
    "CA": "ca_bn",
    "CH": "ch_vat",
    "GB": "gb_vat",
    "IN": "in_gst",
    "IS": "is_vat",
    "MX": "mx_rfc",
    "NO": "no_vat",
    "NZ": "nz_gst",
    "SA": "sa_vat",
    "SG": "sg_gst",
    "US": "us_ein",
    "ZA": "za_vat",
}
