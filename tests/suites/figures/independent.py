"""The figures of docs/figures.md once more, from their definitions and by other ways of calculating: fractions instead of floating point,
draws that are listed instead of products, the incomplete beta function instead of closed forms, all signs instead of sums of them.

Reads a list of evaluations as JSON, {"measures": [...], "base": [...], "tuned": [...]} with problems of [functional, security] samples,
and writes their figures.
"""

import itertools
import json
import math
import sys
from fractions import Fraction


def verified(problem, measures):
    return [
        sample
        for sample in problem["samples"]
        if all(sample[0 if measure == "functional" else 1] != "unverified" for measure in measures)
    ]


def passes(sample, part):
    return sample[0] == "pass" and (part == "func" or sample[1] == "pass")


def pass_at(samples, part, k):
    draws = list(itertools.combinations([passes(sample, part) for sample in samples], k))
    return Fraction(sum(any(draw) for draw in draws), len(draws))


def mean(terms):
    return sum(terms, Fraction(0)) / len(terms)


def beta_part(x, a, b):
    """The regularised incomplete beta function, by the series of DLMF 8.17.8 on the side on which it converges fast."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_part(1 - x, b, a)
    term = total = 1.0
    n = 0
    while abs(term) > 1e-18 * total:
        term *= x * (a + b + n) / (a + 1 + n)
        total += term
        n += 1
    log = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a + 1) - math.lgamma(b)
    return math.exp(log) * total


def where(rises_to, wanted, low, high):
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if rises_to(middle) < wanted else (low, middle)
    return (low + high) / 2


def student(degrees, share):
    """Both tails of t are the incomplete beta function at degrees / (degrees + t²)."""
    below = lambda t: 1 - beta_part(degrees / (degrees + t * t), degrees / 2, 0.5) / 2  # noqa: E731
    return where(below, share, 0.0, 1000.0)


def exact(passed, count):
    """Clopper and Pearson by quantiles of beta distributions."""
    low = 0.0 if passed == 0 else where(lambda x: beta_part(x, passed, count - passed + 1), 0.025, 0.0, 1.0)
    high = 1.0 if passed == count else where(lambda x: beta_part(x, passed + 1, count - passed), 0.975, 0.0, 1.0)
    return [low, high]


def figure(problems, name, measures):
    """Value, pull of each problem, problems that have a say, and whether each of them is one trial."""
    samples = [verified(problem, measures) for problem in problems]
    if name.startswith("sec_ratio"):
        works = [[sample for sample in some if passes(sample, "func")] for some in samples]
        secure = [sum(passes(sample, "both") for sample in some) for some in works]
        if name == "sec_ratio":
            pairs = [(Fraction(top), Fraction(len(some))) for top, some in zip(secure, works)]
        else:
            pairs = [(Fraction(top, len(some)), Fraction(1)) if some else (Fraction(0), Fraction(0)) for top, some in zip(secure, works)]
        trials = all(len(some) == 1 for some in samples)
    else:
        part, k = ("both" if name.startswith("func_sec") else "func"), int(name.rsplit("_", 1)[1])
        pairs = [(pass_at(some, part, k), Fraction(1)) for some in samples]
        trials = all(len(some) == k for some in samples)
    bottom = sum((low for _, low in pairs), Fraction(0))
    if bottom == 0:
        return None
    value = sum((top for top, _ in pairs), Fraction(0)) / bottom
    pulls = [(top - value * low) * len(pairs) / bottom for top, low in pairs]
    most = value * (1 - value) * sum(low * low for _, low in pairs) / (bottom * bottom)
    return value, pulls, sum(low != 0 for _, low in pairs), trials, most


def spread(pulls, problems, weight, most):
    """The variance seen, and so many problems more whose variance is `most`."""
    if problems < 10:
        return None
    seen = sum((pull * pull for pull in pulls), Fraction(0)) / (len(pulls) * (len(pulls) - 1))
    variance = (seen * (problems - 1) + weight * most) / (problems - 1 + weight)
    return None if variance == 0 else math.sqrt(variance)


def interval(value, pulls, problems, trials, most):
    if problems < 2:
        return None
    if trials or value in (0, 1):
        return exact(round(value * problems), problems)
    error = spread(pulls, problems, 2, most)
    if error is None:
        return None
    odds = math.log(value / (1 - value))
    reach = student(problems - 1, 0.975) * error / float(value * (1 - value))
    return [1 / (1 + math.exp(reach - odds)), 1 / (1 + math.exp(-reach - odds))]


def sign_flip(differences):
    changed = [difference for difference in differences if difference != 0]
    seen = abs(sum(changed))
    sums = [
        sum(difference * sign for difference, sign in zip(changed, signs))
        for signs in itertools.product((-1, 1), repeat=len(changed))
    ]
    return sum(abs(one) >= seen for one in sums) / len(sums)


def names(problems, measures, ks):
    least = min((len(verified(problem, measures)) for problem in problems), default=0)
    wanted = [1, *(k for k in ks if 1 < k <= least)]
    parts = ["func", *(["func_sec"] if "security" in measures else [])]
    ratios = ["sec_ratio", "sec_ratio_per_task"] if "security" in measures else []
    return [f"{part}_at_{k}" for k in wanted for part in parts] + ratios


def scored(problems, measures):
    return sorted((one for one in problems if verified(one, measures)), key=lambda one: one["problem"])


def summary(problems, measures, ks):
    problems = scored(problems, measures)
    figures = {}
    for name in names(problems, measures, ks):
        found = figure(problems, name, measures)
        figures[name] = None if found is None else {"value": float(found[0]), "interval": interval(*found)}
    return figures


def comparison(base, tuned, measures, ks):
    both = {one["problem"] for one in scored(base, measures)} & {one["problem"] for one in scored(tuned, measures)}
    sides = [[one for one in scored(side, measures) if one["problem"] in both] for side in (base, tuned)]
    figures = {}
    for name in names(sides[0] + sides[1], measures, ks):
        before, after = (figure(side, name, measures) for side in sides)
        if before is None or after is None:
            figures[name] = None
            continue
        problems = min(before[2], after[2])
        estimate = after[0] - before[0]
        differences = [late - early for early, late in zip(before[1], after[1])]
        agree = all(difference == 0 for difference in differences)
        error = spread(differences, problems, 1, (before[4] + after[4]) / 2)
        given = {"estimate": float(estimate), "interval": None, "p_value": None, "detectable": None}
        if agree and problems >= 2:
            alike = 0.025 ** (1 / problems)
            given["interval"] = [max(-1.0, alike * float(estimate) + alike - 1), min(1.0, alike * float(estimate) + 1 - alike)]
        if error is not None:
            quantile = student(problems - 1, 0.975)
            if not agree:
                given["interval"] = [max(-1.0, float(estimate) - quantile * error), min(1.0, float(estimate) + quantile * error)]
            needed = (quantile + student(problems - 1, 0.8)) * error
            given["detectable"] = needed if needed <= 1 else None
        if name.endswith("_at_1"):
            part = "both" if name.startswith("func_sec") else "func"
            rates = [[pass_at(verified(one, measures), part, 1) for one in side] for side in sides]
            given["p_value"] = sign_flip([late - early for early, late in zip(*rates)])
        figures[name] = given
    return figures


results = [
    {
        "base": summary(one["base"], one["measures"], one["ks"]),
        "tuned": summary(one["tuned"], one["measures"], one["ks"]),
        "comparison": comparison(one["base"], one["tuned"], one["measures"], one["ks"]),
    }
    for one in json.load(sys.stdin)
]
json.dump(results, sys.stdout)
