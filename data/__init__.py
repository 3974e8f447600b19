"""Rows, labels, features and predictions: what everything else stands on. Imports neither torch nor streamlit."""
