"""Which files lie in a run folder beside those that its marker lists?"""

from __future__ import annotations

REVIEW_FILE = "review.json"
PERMUTATION_CHECK_FILE = "selftest.json"
SAVED_SLICES_FILE = "saved_slices.json"
SAVED_SLICES_TABLE = "saved_slices.csv"
DERIVED_FILES = ("report.html", REVIEW_FILE, SAVED_SLICES_FILE, SAVED_SLICES_TABLE)
"""Files that are made anew without making the run anew."""
RUN_FILES = (*DERIVED_FILES, PERMUTATION_CHECK_FILE, "findings.json", "junit.xml")
"""All that a run folder may hold beside what its marker lists; the last two stood beside it in the first runs of 0.1.0."""
