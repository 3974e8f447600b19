"""Do intervals, tests and attributions keep what they promise, however pictures were sampled?"""
