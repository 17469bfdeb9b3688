"""Random text for tests: the same on every machine and every version of Python, so that goldens made elsewhere stay valid."""

import hashlib
import json
from collections.abc import Iterator, Sequence

LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")
_WORDS = {
    "ar": "ال البيت بيت كتاب الكتاب في من الى المدينة ١٢ ال-شمس والليل سؤال؟ نعم، لا",
    "de": "der die das Haus ein eine Straße GROSS Größe und im Jahre 1989, „Berlin“ – dem des Flusses ẞ",
    "en": "the a an The cat cats Theatre AN x-ray U.S. 1,000 don't don’t (sic) — “quoted” theater again a.m.",
    "es": "el la los las un una unos ¿Qué? ¡Sí! niño NIÑO año 3,5 de la Mancha «cita» EL",
    "hi": "का की है। भारत में १२३ और दिल्ली, किताब? नहीं ॥ एक घर हिंदी",
    "vi": "của là cái chiếc những Hà Nội Việt Nam LÀ năm 2020 – người, thành phố “sông”",
    "zh": "北京 上海市 的 了 2008年 abc 中国，人民 。 《红楼梦》 A股 、 三 12.5% 龥龦",
}
_SPACES = (" ", " ", " ", " ", " ", "  ", "\t", "\u00a0", "\u3000", "\n", "", "\u2028", "\x1c")
_ODD = ("İ", "Σ", "ΟΔΟΣ", "ﬁ", "a\u0301", "\u200b", "😀", "$", "^", "`", "\U0010ffff", "\u0640", "", "…", "the")


class Random:
    """Numbers from SHA-256 of a counter: no library's generator is part of a golden."""

    def __init__(self, seed: str) -> None:
        self._bytes = self._stream(seed)

    @staticmethod
    def _stream(seed: str) -> Iterator[int]:
        block = 0
        while True:
            yield from hashlib.sha256(f"{seed}/{block}".encode()).digest()
            block += 1

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1, limit up to a few thousand (the slight bias does not matter here)."""
        return (next(self._bytes) << 16 | next(self._bytes) << 8 | next(self._bytes)) % limit

    def pick(self, values: Sequence[str]) -> str:
        """One of the values."""
        return values[self.below(len(values))]


def answers(language: str, count: int) -> tuple[list[list[str]], list[str]]:
    """(accepted answers, prediction) of `count` questions: equal, overlapping, other, empty; odd characters in some."""
    rng, words = Random(f"answers/{language}"), _WORDS[language].split()

    def phrase() -> str:
        parts = []
        for _ in range(rng.below(6)):
            parts += [rng.pick(_ODD) if rng.below(12) == 0 else rng.pick(words), rng.pick(_SPACES)]
        return "".join(parts)

    def near(text: str) -> str:
        kind = rng.below(6)
        if kind == 0:
            return text
        if kind == 1:
            return text.upper()
        if kind == 2:
            return f"{rng.pick(words)} {text}."
        if kind == 3:
            return " ".join(text.split()[:-1])
        return phrase() if kind == 4 else " ".join(reversed(text.split()))

    accepted = [[phrase() for _ in range(1 + rng.below(3))] for _ in range(count)]
    return accepted, [near(rng.pick(a)) for a in accepted]


def digest(exact: Sequence[float], f1: Sequence[float]) -> str:
    """SHA-256 over every value, bit by bit."""
    return hashlib.sha256(json.dumps([[float(x).hex() for x in exact], [float(x).hex() for x in f1]]).encode()).hexdigest()
