"""Writes data/language_distance.csv: how far the languages of data/languages.csv are from one another, by URIEL+.

Needs the package urielplus (CC-BY-SA-4.0), in an environment of its own; minutes:

    pip install urielplus==1.3.2
    python benchmarks/make_language_distance.py data

Angular distances over the features that both languages have a value for, from 0 (the same) to 1. A language takes no values over from a
relative, and where two languages share fewer than FEWEST known features the distance is left empty: missing is not zero.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from urielplus import urielplus

DISTANCES = {"syntactic": "S_", "phonological": "P_", "inventory": "INV_", "featural": "", "geographic": ""}
FEWEST = 10  # known features that two languages share; geographic ones are always whole
SOURCES = ("UPDATED_SAPHON", "BDPROTO", "GRAMBANK", "GLOTTOLOG")  # eWAVE and APiCS are about varieties of English and creoles
# ISO 639-3: of a macrolanguage, the language that data sets mean by it.
CODES = {
    "af": "afr", "ar": "arb", "az": "azj", "bg": "bul", "bn": "ben", "ca": "cat", "cs": "ces", "da": "dan", "de": "deu", "el": "ell",
    "en": "eng", "es": "spa", "et": "ekk", "eu": "eus", "fa": "pes", "fi": "fin", "fr": "fra", "gu": "guj", "he": "heb", "hi": "hin",
    "ht": "hat", "hu": "hun", "id": "ind", "it": "ita", "ja": "jpn", "jv": "jav", "ka": "kat", "kk": "kaz", "ko": "kor", "lt": "lit",
    "ml": "mal", "mr": "mar", "ms": "zsm", "my": "mya", "nl": "nld", "pa": "pan", "pl": "pol", "pt": "por", "qu": "quz", "ro": "ron",
    "ru": "rus", "sv": "swe", "sw": "swh", "ta": "tam", "te": "tel", "th": "tha", "tl": "tgl", "tr": "tur", "uk": "ukr", "ur": "urd",
    "vi": "vie", "wo": "wol", "yo": "yor", "zh": "cmn",
}  # fmt: skip


def main(folder: Path) -> None:
    with (folder / "languages.csv").open(encoding="utf-8", newline="") as handle:
        languages = [row["language"] for row in csv.DictReader(handle)]
    known = glottocodes()
    uriel = urielplus.URIELPlus()
    uriel.set_fill_with_base_lang(False)
    uriel.integrate_custom_databases(*SOURCES)
    uriel.set_aggregation("U")
    uriel.aggregate()
    codes = {c: known[CODES[c]] for c in languages if CODES.get(c) in known}
    there = {c: g for c, g in codes.items() if g in set(uriel.langs[0]) & set(uriel.langs[1]) & set(uriel.langs[2])}
    print("not in URIEL+:", " ".join(sorted(set(languages) - set(there))) or "none")
    with (folder / "language_distance.csv").open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle, lineterminator="\n")
        out.writerow(["language", "other", *DISTANCES])
        for i, one in enumerate(languages):
            for two in languages[:i]:
                found = [distance(uriel, name, there.get(one), there.get(two)) for name in DISTANCES]
                for pair in ((one, two), (two, one)):
                    out.writerow([*pair, *found])


def glottocodes() -> dict[str, str]:
    """{ISO 639-3: Glottocode} of URIEL+."""
    file = Path(urielplus.__file__).parent / "database" / "urielplus_csvs" / "uriel_glottocode_map.csv"
    with file.open(encoding="utf-8", newline="") as handle:
        return {row["iso_code"]: row["glottocode"] for row in csv.DictReader(handle)}


def distance(uriel: urielplus.URIELPlus, name: str, one: str | None, two: str | None) -> str:
    if one is None or two is None or (name != "geographic" and shared(uriel, DISTANCES[name], one, two) < FEWEST):
        return ""
    try:
        return f"{float(uriel.new_distance(name, [one, two])):.4f}"
    except ValueError:  # no feature in common
        return ""


def shared(uriel: urielplus.URIELPlus, prefix: str, one: str, two: str) -> int:
    """How many typological features both have a value for."""
    chosen = np.array([f.startswith(prefix) for f in uriel.feats[1]])
    values = [np.max(uriel.data[1][np.where(uriel.langs[1] == code)[0][0]], axis=-1) for code in (one, two)]
    return int(((values[0] > -1) & (values[1] > -1) & chosen).sum())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
