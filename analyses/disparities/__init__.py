"""In what else do slices differ: accuracy, errors, calibration, rankings, numbers, adjusted for other columns?"""
