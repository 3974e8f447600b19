"""How good is a probe: accuracy, calibration, baselines, nearest neighbours?"""
