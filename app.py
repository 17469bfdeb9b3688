"""The app: `streamlit run app.py`. Opens the store of XBENCH_STORE (default ./results), else the shipped published numbers."""

from xbench.ui import shell

shell.run()
