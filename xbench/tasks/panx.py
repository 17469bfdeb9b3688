"""PAN-X: named entities in 40 languages, from WikiANN, trained on English (Pan et al. 2017; Rahimi et al. 2019; XTREME)."""

from xbench.corpus import Corpus, Source
from xbench.formats import tagged_tsv
from xbench.readers import IOB2
from xbench.tasks import _xtreme

SOURCES = (
    Source(("panx_dataset/{language}-{split}",), tagged_tsv),
    Source(("panx/{language}/{split}",), tagged_tsv),
    Source(("wikiann/{language}/{split}",), tagged_tsv),
    Source(("panx/{split}-{language}.tsv",), tagged_tsv),
)

TASK = Corpus(
    folder="panx",
    family="tagging",
    languages=_xtreme.PANX,
    sources=SOURCES,
    hub=_xtreme.xtreme_hub(lambda language, split: f"PAN-X.{language}", _xtreme.tagged("ner_tags")),
    published={("en", "train"): 20_000, ("en", "dev"): 10_000},
    notes=("labels were made automatically from Wikipedia links; th is split into characters",),
).task(
    labels=IOB2,
    metric="f1",
    scorers=("span-f1", "span-f1-strict"),
    suites=("xtreme",),
    group="tagging",
    licence="ODC-BY (text: CC-BY-SA-3.0, Wikipedia)",
    source="https://github.com/afshinrahimi/mmner",
    about="PAN-X (WikiANN), names of persons, places, organisations; XTREME",
)
