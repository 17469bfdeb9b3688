"""An invented submission to XTREME, and invented POS corpora, the same on every machine and every version of Python.

The numbers in golden/submission.json and golden/pos_chunks.json were made from them: whoever changes what comes out of here makes those
goldens void.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

SEED = 20200607

LANGUAGES = {
    "pawsx": "de,en,es,fr,ja,ko,zh".split(","),
    "xnli": "ar,bg,de,el,en,es,fr,hi,ru,sw,th,tr,ur,vi,zh".split(","),
    "panx": (
        "ar,he,vi,id,jv,ms,tl,eu,ml,ta,te,af,nl,en,de,el,bn,hi,mr,ur,fa,fr,it,pt,es,bg,ru,ja,ka,ko,th,sw,yo,my,zh,kk,tr,et,fi,hu".split(",")
    ),
    "udpos": "af,ar,bg,de,el,en,es,et,eu,fa,fi,fr,he,hi,hu,id,it,ja,kk,ko,mr,nl,pt,ru,ta,te,th,tl,tr,ur,vi,yo,zh".split(","),
    "bucc2018": "de,fr,ru,zh".split(","),
    "tatoeba": "ar,he,vi,id,jv,tl,eu,ml,ta,te,af,nl,de,el,bn,hi,mr,ur,fa,fr,it,pt,es,bg,ru,ja,ka,ko,th,sw,zh,kk,tr,et,fi,hu".split(","),
    "xquad": "en,es,de,el,ru,tr,ar,vi,th,zh,hi".split(","),
    "mlqa": "en,es,de,ar,hi,vi,zh".split(","),
    "tydiqa": "en,ar,bn,fi,id,ko,ru,sw,te".split(","),
}
"""XTREME's nine tasks and their languages, in XTREME's order."""

UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
IOB2 = "O B-PER I-PER B-LOC I-LOC B-ORG I-ORG".split()

_WORDS = {
    "ar": "الـباب البحر بحر، القلعة قلعة ال والنهر سنة ٤٧ 1947 أين؟ «النور» لا؛ ليل ليل - المال بال",
    "bn": "নদী নদী একটি পাহাড়। গ্রাম, ৩৪ 1971 ‘আলো’ আলো— শহর? রাত দিন দিন",
    "de": "der Die das Turm turm, ein Eine einen dem des Straße STRASSE Öl „Brücke“ »Tal« 1848 3,5 km – Kuh-Stall Kühe. und",
    "el": "ο Ο η το Πύργος ΠΥΡΓΟΣ πύργος, του «νερό» νερό; και 1821 ΟΔΟΣ · ένας Άνοιξη — φως",
    "en": "the The a An A. tower Tower, towers the U.K. 1,250 o'clock well-known (old) — “river” river; anthem theme AN 7th",
    "es": "el El la los Las un una unos ¿Torre? torre ¡Río! río años AÑOS «puente» 1.200 del — Él la-la",
    "fi": "torni Torni, tornin ja ÄÄNI ääni yö yö; ”silta” silta 1917 12:30 – linja-auto a",
    "hi": "का एक नदी नदी। पहाड़ पहाड़, १२ 1947 ‘किला’ किला? और — रात रात॥ ज़मीन",
    "id": "menara Menara, sungai yang itu buku-buku buku 1945 “jalan” jalan; a — di (lama) di",
    "ko": "강 강은 강, 탑이 탑을 큰 1988 7월 ‘빛’ 빛· 밤? 밤 · a 서울ABC",
    "ru": "башня Башня, башни река РЕКА «мост» мост — и в 1812 ёлка Ёлка; какой-то „дом“ №5",
    "sw": "mnara Mnara, mto wa mto; na 1961 “daraja” daraja ya ya — ng'ombe Usiku a",
    "te": "నది నది, ఒక కొండ కొండ. 1956 ౪౫ ‘వెలుగు’ వెలుగు? మరియు — రాత్రి రాత్రి a",
    "th": "แม่น้ำ หอคอย ที่ ๒๔ 1932 “สะพาน” สะพาน ๆ และ กลางคืน กลางคืน, ฯ abc ภูเขา",
    "tr": "kule Kule, KULESİ kulesi İzmir'in ırmak IRMAK bir “köprü” köprü; 1923 — ve ve çok-dilli a",
    "vi": "của Của là cái chiếc những tháp Tháp, sông Sông; SÔNG 1954 “cầu” cầu – là năm một-hai",
    "zh": "塔 河流 河 ，河 。 、 的 的 1911 12.5% 《山》 山？ “桥” 桥 Tower ABC 三 — 城市",
}
_ARTICLES = {"de": "die", "es": "la", "vi": "những", "ar": "ال"}
_UNSPACED = ("th", "zh")
_SPACES = (" ", " ", " ", " ", " ", " ", "  ", "\u00a0")
_AROUND = (("", "."), ("«", "»"), ("“", "”"), ("", "。"), ("(", ")"), ("", "؟"), ("¿", "?"), ("— ", ""), ("", "、"), (" ", "\u3000"))
_QUESTIONS = 12


def _below(rng: random.Random, limit: int) -> int:
    """A number from 0 to limit - 1, from random() alone, the one method that Python promises not to change."""
    return int(rng.random() * limit)


def _pick(rng: random.Random, values: Sequence[T]) -> T:
    """One of the values."""
    return values[_below(rng, len(values))]


def _labels(rng: random.Random, words: Sequence[str], count: int) -> tuple[list[str], list[str]]:
    """Gold labels, and predictions of which a half and more are right."""
    gold = [_pick(rng, words) for _ in range(count)]
    return gold, [g if rng.random() < 0.6 else _pick(rng, words) for g in gold]


def _runs(rng: random.Random, tags: Sequence[str], length: int) -> list[str]:
    """A sentence of that many tags, in runs of 1 to 3 equal ones."""
    found: list[str] = []
    while len(found) < length:
        found += [_pick(rng, tags)] * (1 + _below(rng, 3))
    return found[:length]


def _pos(rng: random.Random, tags: Sequence[str], sentences: int, longest: int, errors: float) -> tuple[list[list[str]], list[list[str]]]:
    """Gold sentences and predictions with that share of random tags."""
    gold = [_runs(rng, tags, 1 + _below(rng, longest)) for _ in range(sentences)]
    return gold, [[_pick(rng, tags) if rng.random() < errors else t for t in s] for s in gold]


def _spans(rng: random.Random) -> tuple[list[list[str]], list[list[str]]]:
    """Gold sentences in IOB2, one tag in twenty against the scheme (as in PAN-X); predictions with transitions of every kind."""
    gold, predicted = [], []
    for _ in range(12):
        sentence: list[str] = []
        length = 1 + _below(rng, 12)
        while len(sentence) < length:
            kind = _pick(rng, ("PER", "LOC", "ORG", ""))
            run = 1 + _below(rng, 3)
            sentence += [f"B-{kind}"] + [f"I-{kind}"] * (run - 1) if kind else ["O"] * run
        sentence = [_pick(rng, IOB2) if rng.random() < 0.05 else t for t in sentence[:length]]
        gold.append(sentence)
        predicted.append([_pick(rng, IOB2) if rng.random() < 0.25 else t for t in sentence])
    return gold, predicted


def _pairs(rng: random.Random, language: str) -> tuple[list[str], list[str]]:
    """25 gold pairs, two of them of one source; predictions in part right, some wrong, some besides, one of them twice."""

    def pair(source: int, target: int) -> str:
        return f"{language}-{source:09d}\ten-{target:09d}"

    sources = [1000 * i + 1 + _below(rng, 900) for i in range(25)]
    sources[12] = sources[11]
    gold = [(source, 1000 * i + 1 + _below(rng, 900)) for i, source in enumerate(sources)]
    predicted = []
    for source, target in gold:
        fate = rng.random()
        if fate < 0.65:
            predicted.append((source, target))
        elif fate < 0.85:
            predicted.append((source, _pick(rng, gold)[1]))
    predicted += [(900_000 + _below(rng, 90_000), 900_000 + _below(rng, 90_000)) for _ in range(1 + _below(rng, 4))]
    predicted.append(predicted[0])
    return [pair(*p) for p in gold], [pair(*p) for p in predicted]


def _answer(rng: random.Random, language: str, words: Sequence[str], golds: Sequence[tuple[int, int]], text: str) -> str | None:
    """A predicted answer: equal to a gold one, overlapping, dressed up, elsewhere, empty, or none at all."""
    first, last = _pick(rng, golds)
    joint = "" if language in _UNSPACED else " "
    match _below(rng, 12):
        case 0 | 1 | 2:
            return text
        case 3 | 4:
            return joint.join(words[max(0, first - 1) : last + 2])
        case 5:
            return joint.join(words[first : last + 1 + _below(rng, 3)]) + joint + words[first]
        case 6:
            before, after = _pick(rng, _AROUND)
            return f"{before}{text}{after}"
        case 7:
            return f"{_ARTICLES.get(language, 'the')} {text.upper()}"
        case 8:
            start = _below(rng, len(words))
            return joint.join(words[start : start + 4])
        case 9:
            return joint.join(reversed(words[first : last + 1]))
        case 10:
            return ""
        case _:
            return None


def _paragraph(rng: random.Random, task: str, language: str, number: int) -> tuple[dict[str, Any], dict[str, str]]:
    """A paragraph with four questions, and the answers predicted for them."""
    words = [_pick(rng, _WORDS[language].split()) for _ in range(40)]
    context, starts = "", []
    for word in words:
        context += "" if not context or (language in _UNSPACED and rng.random() < 0.8) else _pick(rng, _SPACES)
        starts.append(len(context))
        context += word
    qas: list[dict[str, Any]] = []
    predicted: dict[str, str] = {}
    for i in range(_QUESTIONS // 3):
        golds = [(first := _below(rng, 34), first + _below(rng, 1 + _below(rng, 6))) for _ in range(1 + _below(rng, 3))]
        texts = [context[starts[first] : starts[last] + len(words[last])] for first, last in golds]
        answers = [{"text": text, "answer_start": starts[first]} for text, (first, _) in zip(texts, golds, strict=True)]
        name = f"{task}-{language}-{number}-{i}"
        qas.append({"id": name, "question": f"{words[_below(rng, 40)]} {i}?", "answers": answers})
        answer = _answer(rng, language, words, golds, _pick(rng, texts))
        if answer is not None:
            predicted[name] = answer
    return {"context": context, "qas": qas}, predicted


def _questions(rng: random.Random, task: str, language: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Twelve questions in SQuAD's format, in two articles, and the predicted answers by id."""
    paragraphs: list[dict[str, Any]] = []
    predicted: dict[str, str] = {}
    for number in range(3):
        paragraph, answers = _paragraph(rng, task, language, number)
        paragraphs.append(paragraph)
        predicted |= answers
    return {"data": [{"paragraphs": paragraphs[:2]}, {"paragraphs": paragraphs[2:]}], "version": "1.1"}, predicted


def _sides(rng: random.Random, task: str, language: str) -> tuple[str, str]:
    """The text of a label file and of its prediction file."""
    if task in ("xquad", "mlqa", "tydiqa"):
        labels, predictions = (json.dumps(side, ensure_ascii=False, indent=1) + "\n" for side in _questions(rng, task, language))
        return labels, predictions
    if task in ("udpos", "panx"):
        sides = _pos(rng, [*UPOS, *"X X X SCONJ CCONJ SYM INTJ".split()], 12, 15, 0.2) if task == "udpos" else _spans(rng)
        gold, predicted = (["\n".join(s) + "\n" for s in side] for side in sides)
        return "\n".join(gold), "\n".join(predicted)
    if task == "bucc2018":
        lines = _pairs(rng, language)
    elif task == "tatoeba":
        lines = _labels(rng, [str(i) for i in range(1000)], 20)
    elif task == "xnli":
        lines = _labels(rng, ("entailment", "neutral", "contradiction"), 30)
    else:
        lines = _labels(rng, ("0", "1"), 20)
    return "".join(f"{line}\n" for line in lines[0]), "".join(f"{line}\n" for line in lines[1])


def write(folder: Path, seed: int = SEED) -> None:
    """Write FOLDER/labels/TASK/test-LANGUAGE.{tsv,json} and the same under FOLDER/predictions, for all tasks of XTREME."""
    for task, languages in LANGUAGES.items():
        suffix = "json" if task in ("xquad", "mlqa", "tydiqa") else "tsv"
        for language in languages:
            sides = _sides(random.Random(f"{seed}/{task}/{language}"), task, language)
            for side, text in zip(("labels", "predictions"), sides, strict=True):
                path = folder / side / task / f"test-{language}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text.encode())


_FLAVOURS = (
    UPOS,
    [*UPOS, *"X X X X X X".split()],
    [*UPOS, *"SCONJ SCONJ SYM SYM INTJ INTJ CCONJ".split()],
    "X SCONJ CCONJ SYM INTJ".split(),
    "X NOUN".split(),
    "SCONJ CCONJ X".split(),
    "INTJ SYM VERB PUNCT".split(),
    "NOUN PRON PROPN PUNCT PART NUM AUX ADJ ADP ADV DET VERB".split(),
    ["X"],
    "SYM SCONJ".split(),
)


def pos_corpus(index: int) -> tuple[list[list[str]], list[list[str]]]:
    """Corpus number `index` of bare UPOS tags: gold sentences, and predictions of the same lengths with random errors."""
    rng = random.Random(f"{SEED}/pos/{index}")
    errors = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)[index % 7]
    return _pos(rng, _FLAVOURS[index % len(_FLAVOURS)], 1 + _below(rng, 12), 20, errors)
