"""Systems by target: mean over languages with its support; complete averages before partial ones."""

import pandas as pd
import streamlit as st

from xbench import pairing
from xbench.ui import common


def page(source: common.Source) -> None:
    """Draw the page."""
    common.header(source, "Leaderboard")
    rows = common.frame(source, "leaderboard")
    if rows.empty:
        st.warning("The store has no test scores yet. `xbench coverage` lists what is missing.")
        return
    rows["column"] = common.column_labels(rows)
    chosen = common.pick("Target and metric", sorted(rows["column"].unique()), "target")
    shown = rows[rows["column"] == chosen]
    ranks = _ranks(source, shown)
    table = pd.DataFrame(
        {
            "rank": ranks["rank"].to_list(),
            "tier": ranks["tier"].to_list(),
            "model": shown["model"],
            "intermediate": shown["intermediate"],
            "recipe": shown["recipe_label"],
            "mean %": 100 * shown["value"],
            "± seeds": 100 * shown["seed_sd"].astype(float),
            "zero-shot %": 100 * shown["zero_shot"].astype(float),
            "languages": [
                f"{a}/{int(b) if pd.notna(b) else '?'}" for a, b in zip(shown["languages"], shown["languages_expected"], strict=True)
            ],
            "seeds": [str(s or "?") for s in shown["seeds"]],
            "stack": shown["stack"],
            "source": shown["source"],
            "model revision": shown["model_revision"],
        }
    )
    number = st.column_config.NumberColumn(format="%.1f")
    st.dataframe(table, hide_index=True, width="stretch", column_config=dict.fromkeys(("mean %", "± seeds", "zero-shot %"), number))
    st.caption(
        "rank: from how many systems are significantly better to how many are significantly worse, of those with every example stored and "
        "over the whole column, whatever is shown; a tier begins with the first that is significantly worse than the best of the tier "
        "above. Mean over languages of the mean over seeds, best first; averages over fewer languages come last and say so. ± is the "
        "standard deviation over seeds. zero-shot leaves the training language out. Rows of different stacks were trained differently: "
        "compare with care."
    )
    common.download(shown.drop(columns="column"), "leaderboard")


def _ranks(source: common.Source, shown: pd.DataFrame) -> pd.DataFrame:
    """Rank limits and tier of each row shown, empty where it is not ranked."""
    ranked = common.frame(source, "standings")
    keys = [c for c in (*pairing.COLUMN, *pairing.SYSTEM) if c in shown.columns]
    if ranked.empty:
        return pd.DataFrame({"rank": [""] * len(shown), "tier": [""] * len(shown)})
    limits = ranked[[*keys, "rank_low", "rank_high", "tier"]].drop_duplicates(keys)
    found = shown[keys].merge(limits, on=keys, how="left")
    known = found["rank_low"].notna()
    text = found["rank_low"].astype("Int64").astype(str) + "-" + found["rank_high"].astype("Int64").astype(str)
    return pd.DataFrame({"rank": text.where(known, ""), "tier": found["tier"].astype("Int64").astype(str).where(known, "")})
