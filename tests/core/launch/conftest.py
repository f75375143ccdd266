"""What the checks say of a launch."""

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.run.train import check


def problems(*overrides):
    plan = make_plan(compose(["recipe=demo", "plugins=[]", *overrides]), overrides)
    report = check(plan)
    return report.problems, report.warnings
