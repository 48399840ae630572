"""Units of measure as people write them: the codes of UN/ECE Recommendations 20 and 21 that UBL carries."""

from decimal import Decimal

from babel import Locale

from mailer_service.plain_text import shortened

LONGEST = 14
# For each code the word for one and for several, English and German.
_PIECES = (("pc", "pcs"), ("Stk.", "Stk."))
_BOXES = (("box", "boxes"), ("Schachtel", "Schachteln"))
_CARTONS = (("carton", "cartons"), ("Karton", "Kartons"))
_PACKS = (("pack", "packs"), ("Packung", "Packungen"))
_BAGS = (("bag", "bags"), ("Sack", "Säcke"))
_PALLETS = (("pallet", "pallets"), ("Palette", "Paletten"))
_ROLLS = (("roll", "rolls"), ("Rolle", "Rollen"))
_BOTTLES = (("bottle", "bottles"), ("Flasche", "Flaschen"))
_CANS = (("can", "cans"), ("Dose", "Dosen"))
_WORDS = {
    **dict.fromkeys(("C62", "EA", "H87", "NAR", "PCE"), _PIECES),
    **dict.fromkeys(("BX", "XBX"), _BOXES),
    **dict.fromkeys(("CT", "XCT"), _CARTONS),
    **dict.fromkeys(("PK", "XPK", "PA", "XPA"), _PACKS),
    **dict.fromkeys(("BG", "XBG", "SA", "XSA"), _BAGS),
    **dict.fromkeys(("PF", "XPF", "PX", "XPX"), _PALLETS),
    **dict.fromkeys(("RO", "XRO"), _ROLLS),
    **dict.fromkeys(("BO", "XBO"), _BOTTLES),
    **dict.fromkeys(("CA", "XCA"), _CANS),
    "PR": (("pair", "pairs"), ("Paar", "Paar")),
    "SET": (("set", "sets"), ("Set", "Sets")),
    "DZN": (("dozen", "dozen"), ("Dutzend", "Dutzend")),
    "MIN": (("minute", "minutes"), ("Minute", "Minuten")),
    "HUR": (("hour", "hours"), ("Stunde", "Stunden")),
    "DAY": (("day", "days"), ("Tag", "Tage")),
    "WEE": (("week", "weeks"), ("Woche", "Wochen")),
    "MON": (("month", "months"), ("Monat", "Monate")),
    "ANN": (("year", "years"), ("Jahr", "Jahre")),
}
_SYMBOLS = {
    "MGM": "mg",
    "GRM": "g",
    "KGM": "kg",
    "TNE": "t",
    "MLT": "ml",
    "LTR": "l",
    "MMT": "mm",
    "CMT": "cm",
    "MTR": "m",
    "KMT": "km",
    "MTK": "m²",
    "MTQ": "m³",
    "KWH": "kWh",
    "P1": "%",
}


def unit_name(code: str, value: Decimal, locale: Locale) -> str:
    """The word or symbol for so much of it; a code without one is shown as it is, but not so long that it breaks a table."""
    words = _WORDS.get(code)
    if words is None:
        return _SYMBOLS.get(code) or shortened(code, LONGEST)
    return words[locale.language == "de"][value != 1]
