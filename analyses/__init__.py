"""Slices, skew, intervals, structure: numpy, pandas, scipy and scikit-learn only. Imports neither torch nor probes."""
