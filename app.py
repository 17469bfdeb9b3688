"""The app: `streamlit run app.py`. Opens the store of XBENCH_STORE (default ./results), else the shipped published numbers."""

import streamlit as st

from xbench.ui import averages, claims, common, compare, leaderboard, transfer

st.set_page_config(page_title="xbench", layout="wide")
source = common.open_source()
pages = [
    st.Page(lambda: leaderboard.page(source), title="Leaderboard", url_path="leaderboard", default=True),
    st.Page(lambda: transfer.page(source), title="Transfer map", url_path="transfer"),
    st.Page(lambda: compare.page(source), title="Compare", url_path="compare"),
    st.Page(lambda: averages.page(source), title="Averages", url_path="averages"),
    st.Page(lambda: claims.page(source), title="Claims", url_path="claims"),
]
st.navigation(pages).run()
common.footer(source)
