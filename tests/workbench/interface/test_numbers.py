"""Is what is not known said as not known, and not as a number?"""

from affect_workbench.workbench.interface.numbers import interval


def test_an_interval_that_is_not_known_is_left_out():
    nothing = float("nan")
    assert interval(0.45, nothing, nothing, digits=0) == "+45"
    assert interval(nothing, nothing, nothing) == "–"
    assert interval(0.02, -0.011, 0.05) == "+2.0 [−1.1, +5.0]"
