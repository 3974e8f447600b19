"""Bias detection and interpretability for visual-emotion models."""
