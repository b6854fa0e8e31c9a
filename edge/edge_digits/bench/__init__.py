"""How fast a model runs on this machine, under which conditions, and whether a change made it better.

>>> from edge_digits.bench import Plan, Settings, bench, ratio
>>> before = bench(Settings("base.fp32", plan=Plan(min_seconds=2)))
>>> after = bench(Settings("base.int8", plan=Plan(min_seconds=2)))
>>> ratio(before.medians, after.medians).verdict
'faster'
"""

from edge_digits.bench.compare import Ratio, ratio
from edge_digits.bench.pictures import Picture, load_pictures
from edge_digits.bench.report import Report, Run, read_report
from edge_digits.bench.run import Interrupted, Settings, bench, make_report
from edge_digits.bench.timing import Measurement, Plan, measure

__all__ = [
    "Interrupted",
    "Measurement",
    "Picture",
    "Plan",
    "Ratio",
    "Report",
    "Run",
    "Settings",
    "bench",
    "load_pictures",
    "make_report",
    "measure",
    "ratio",
    "read_report",
]
