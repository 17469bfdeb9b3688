"""Language codes in one spelling. Goldens: ISO 639-1 and 639-3 code tables, BCP 47 (RFC 5646), CLDR likely subtags."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbench import share
from xbench.errors import DataError
from xbench.languages import normal
from xbench.task import all_tasks


@pytest.mark.parametrize(
    ("given_code", "code"),
    [
        ("deu", "de"), ("ger", "de"), ("de", "de"), (" DE ", "de"), ("deu-Latn", "de"), ("arb-Arab", "ar"), ("cmn-Hans", "zh"), ("zho-Hant", "zh-Hant"),
        ("jpn-Hira", "ja"), ("jpn-Jpan", "ja"), ("kor-Hang", "ko"), ("tgl-Latn", "tl"), ("fil", "tl"), ("tl", "tl"), ("iw", "he"), ("swh-Latn", "sw"),
        ("srp-Latn", "sr-Latn"), ("srp-Cyrl", "sr"), ("hin-Latn", "hi-Latn"), ("kaz-Cyrl", "kk"), ("en_US", "en-US"), ("pt-BR", "pt-BR"), ("pes", "fa"),
        ("dtp", "dtp"), ("kzj", "kzj"), ("cbk-Latn", "cbk"), ("mul", "mul"), ("est/eng", "et/en"), ("deu/de", "de"), ("ara-Arab/deu-Latn", "ar/de"),
        ("kzj-Latn", "kzj"), ("twi-Latn", "tw"), ("twi_Latn-GH", "tw-GH"), ("tw", "tw"), ("aka_Latn", "ak"), ("fat", "fat"), ("mup-Deva", "mup"),
        ("mup-Arab", "mup-Arab"), ("raj-Deva", "raj"), ("zai-Latn", "zai"), ("zap-Latn", "zap"), ("eng-Latn/twi-Latn", "en/tw"), ("pt_br", "pt-BR"), ("zh-cn", "zh-CN"), ("fr-ca", "fr-CA"), ("sv_se", "sv-SE"), ("en-DE", "en-DE"),
    ],
)  # fmt: skip
def test_one_spelling(given_code: str, code: str) -> None:
    assert normal(given_code) == code
    assert normal(code) == code


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("jp", "JP is a country, its language is 'ja'"), ("cz", "its language is 'cs'"), ("gr", "its language is 'el'"), ("German", "did you mean 'de'?"),
        ("est-eng", "a pair of languages is written 'est/eng'"), ("xx", "expected ISO 639-1"), ("", "expected ISO 639-1"), ("de/fr/en", "one slash"),
        ("d\u00e9", "is unknown"), ("x" * 400, "is unknown"), ("de\x00", "is unknown"), ("\x00", "is unknown"), ("\x00 de", "is unknown"),
        ("en-de", "the pair is written 'en/de', the region 'en-DE'"), ("ca_es", "the pair is written 'ca/es'"), ("und", "is none"), ("419", "is none"),
    ],
)  # fmt: skip
def test_unknown_codes_are_refused_with_a_suggestion(code: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        normal(code)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


# The scripts that FLORES-200 has two of, and its languages that CLDR takes for one, or for a larger one (facebookresearch/flores, flores200).
FLORES = """
    ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab ajp_Arab aka_Latn als_Latn apc_Arab arb_Arab arb_Latn ars_Arab ary_Arab arz_Arab ayr_Latn azb_Arab azj_Latn
    bjn_Arab bjn_Latn bos_Latn ckb_Arab dik_Latn fuv_Latn gaz_Latn hrv_Latn kas_Arab kas_Deva khk_Cyrl kmr_Latn knc_Arab knc_Latn lvs_Latn min_Arab min_Latn
    nno_Latn nob_Latn npi_Deva ory_Orya pbt_Arab pes_Arab plt_Latn prs_Arab quy_Latn srp_Cyrl swh_Latn taq_Latn taq_Tfng twi_Latn uzn_Latn ydd_Hebr yue_Hant
    zho_Hans zho_Hant zsm_Latn ind_Latn
""".split()


def test_no_two_languages_of_a_data_set_are_one() -> None:
    assert len(set(map(normal, FLORES))) == len(FLORES)


def test_our_own_codes_are_in_this_spelling() -> None:
    for task in all_tasks():
        assert [normal(code) for code in task.languages] == list(task.languages), task.name
    with (share.folder("data") / "languages.csv").open(encoding="utf-8") as handle:
        assert all(normal(row["language"]) == row["language"] for row in csv.DictReader(handle))


@given(st.text(max_size=60))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    try:
        once = normal(text)
    except DataError:
        return
    assert normal(once) == once


def test_languages_that_are_kept_apart_have_their_names() -> None:
    from xbench.languages import named, normal

    assert [normal(named(name)) for name in ("Fante", "Twi", "Malvi", "Isthmus Zapotec", "Akan")] == ["fat", "tw", "mup", "zai", "ak"]
