"""Forerunner's analytics: complaint exports in, counts, forecasts and signals out; no Streamlit, no Plotly."""
