"""Wrong gaps, p-values and reports, for lab 05's table."""

import math
from fractions import Fraction

import numpy as np
import scipy.special
import scipy.stats

ORDER = ["40 pairs", "10 pairs", "7 pairs"]


# ---- gap ----


def wilson(right, n, z=1.96, divide=True, shift=True, squares=True):
    """Returns Wilson's interval, with a mistake where an argument is False."""
    p = right / n
    divisor = 1 + z * z / n if divide else 1
    middle = (p + (z * z / (2 * n) if shift else 0)) / divisor
    reach = z / divisor * math.sqrt(p * (1 - p) / n + (z * z / (4 * n * n) if squares else 0))
    return middle - reach, middle + reach


def simple(right, n, z=1.96):
    p = right / n
    reach = z * math.sqrt(p * (1 - p) / n)
    return p - reach, p + reach


def gap_by(interval=wilson, percent=1, turned=False, crossed=True, legs=math.hypot):
    """Returns a `gap` made of the intervals of two shares, with a mistake where an argument is not its default."""

    def gap(first, second, z=1.96):
        (low_a, high_a), (low_b, high_b) = interval(*first, z), interval(*second, z)
        a, b = first[0] / first[1], second[0] / second[1]
        if turned:
            a, low_a, high_a, b, low_b, high_b = b, low_b, high_b, a, low_a, high_a
        below, above = legs(b - low_b, high_a - a), legs(high_b - b, a - low_a)
        below, above = (below, above) if crossed else (above, below)
        return percent * (b - a - below), percent * (b - a + above)

    return gap


def simple_for_many(right, n, z=1.96):
    return (simple if n >= 1500 else wilson)(right, n, z)


def first_n_for_both(first, second, z=1.96):
    return gap_by()(first, (second[0] * first[1] / second[1], first[1]), z)


def ends_apart(first, second, z=1.96):
    return wilson(*second, z)[0] - wilson(*first, z)[1], wilson(*second, z)[1] - wilson(*first, z)[0]


# ---- paired_p ----


def counts(first, second):
    first, second = np.asarray(first), np.asarray(second)
    return int((second > first).sum()), int((second < first).sum())


def tail(fewer, n):
    return sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n


def one_side(first, second):
    wins, losses = counts(first, second)
    return tail(min(wins, losses), wins + losses)


def exactly(first, second):
    wins, losses = counts(first, second)
    return min(1.0, 2 * math.comb(wins + losses, wins) / 2 ** (wins + losses))


def all_letters(first, second):
    return min(1.0, 2 * tail(min(counts(first, second)), len(first)))


def totals(first, second):
    a, b = int(np.sum(first)), int(np.sum(second))
    return min(1.0, 2 * tail(min(a, b), a + b))


def above_one(first, second):
    wins, losses = counts(first, second)
    return 2 * tail(min(wins, losses), wins + losses)


def losses_only(first, second):
    wins, losses = counts(first, second)
    return min(1.0, 2 * tail(losses, wins + losses))


def exact(first, second):
    return min(1.0, above_one(first, second))


def sixty_coins(first, second):
    wins, losses = counts(first, second)
    n = min(wins + losses, 60)
    return min(1.0, 2 * tail(min(wins, losses, n), n))


def subtracts_in_place(first, second):
    second -= first
    wins, losses = int((second > 0).sum()), int((second < 0).sum())
    return min(1.0, 2 * tail(min(wins, losses), wins + losses))


def float_coins(first, second):
    wins, losses = counts(first, second)
    n = wins + losses
    logs = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(min(wins, losses) + 1)]
    return min(1.0, 2 * sum(math.exp(min(log, 700)) * 0.5**n for log in logs))


def fraction_of_coins(first, second):
    wins, losses = counts(first, second)
    ways = sum(math.comb(wins + losses, k) for k in range(min(wins, losses) + 1))
    return min(Fraction(1), Fraction(2 * ways, 2 ** (wins + losses)))


def by_special(first, second):
    """Asks a function of scipy that no hook sees: it is a ufunc."""
    wins, losses = counts(first, second)
    return min(1.0, 2 * float(scipy.special.bdtr(min(wins, losses), wins + losses, 0.5)))


def asks_scipy(first, second):
    wins, losses = counts(first, second)
    return float(scipy.stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def by_distribution(first, second):
    wins, losses = counts(first, second)
    return min(1.0, 2 * float(scipy.stats.binom.cdf(min(wins, losses), wins + losses, 0.5)))


# ---- report ----


def report(dev, test, share):
    name = max(dev, key=lambda name: share(dev[name]))
    return name, share(dev[name]), share(test[name])


def fraction(right):
    return Fraction(int(sum(right)), len(right))


def takes_away(dev, test):
    name = max(dev, key=lambda name: np.mean(dev[name]))
    return name, float(np.mean(dev[name])), float(np.mean(test.pop(name)))


def first_letters(dev, test):
    name = max(dev, key=lambda name: np.mean(dev[name][:64]))
    return name, float(np.mean(dev[name])), float(np.mean(test[name]))


def first_prompts(dev, test):
    name = max(list(dev)[:64], key=lambda name: np.mean(dev[name]))
    return name, float(np.mean(dev[name])), float(np.mean(test[name]))


def two_places(dev, test):
    name = max(dev, key=lambda name: np.mean(dev[name]))
    return name, round(float(np.mean(dev[name])), 2), float(np.mean(test[name]))


def chosen_on_test(dev, test):
    name = max(test, key=lambda name: np.mean(test[name]))
    return name, float(np.mean(dev[name])), float(np.mean(test[name]))


def dev_reported(dev, test):
    name = max(dev, key=lambda name: np.mean(dev[name]))
    return name, float(np.mean(dev[name])), float(np.mean(dev[name]))


def by_count(dev, test):
    name = max(dev, key=lambda name: np.sum(dev[name]))
    return name, float(np.mean(dev[name])), float(np.mean(test[name]))


def tie_by_test(dev, test):
    name = max(dev, key=lambda name: (np.mean(dev[name]), np.mean(test[name])))
    return name, float(np.mean(dev[name])), float(np.mean(test[name]))


def best_of_test(dev, test):
    name = max(dev, key=lambda name: np.mean(dev[name]))
    return name, float(np.mean(dev[name])), max(float(np.mean(right)) for right in test.values())
