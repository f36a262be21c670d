"""Options to choose from, as lab 17's fourth check hands them out, and the bound that scipy gives to a share."""

from scipy.stats import binomtest

MEAN = "A share of 50 messages is an estimate. Ask for its lower bound: what may the share be, given what was seen?"
WILSON = "Wilson's interval, two-sided, 95 %, so z = 1.959964. Other intervals are narrower or wider than this one."
EXACT = "The bound is compared as it is. A rounded one lets through, or shuts out, what lies near the limit."
TYPED = 'Customers type. What counts are the messages in "typed", not those of the road.'
SMALLEST = "Whatever is good enough is good enough: among those, the smallest file."
FASTEST = "Of two files of one size the faster one; and of two alike the one that comes first."


def option(name, megabytes, right, n=50, ms=40, road=None):
    """Returns an option with so many right answers among n typed messages, and so many of 50 on its road, or alike."""
    road = round(50 * right / max(n, 1)) if road is None else road
    typed = [1] * right + [0] * (n - right)
    return {"name": name, "MB": megabytes, "ms": ms, "road": [1] * road + [0] * (50 - road),
            "typed": typed[::2] + typed[1::2]}  # fmt: skip


def bound(marks):
    """Returns the lower end of Wilson's two-sided 95 % interval of a share, by scipy; 0 where nothing was asked."""
    if not len(marks):
        return 0.0
    interval = binomtest(int(sum(marks)), len(marks)).proportion_ci(method="wilson")
    return max(0.0, float(interval.low))


def chosen(options, least, megabytes):
    """Returns the name of the option to ship, or None."""
    fit = [each for each in options if each["MB"] <= megabytes and bound(each["typed"]) >= least]
    fit.sort(key=lambda each: (each["MB"], each["ms"]))  # a stable sort: the first of equals stays first
    return fit[0]["name"] if fit else None


SMALL, LARGE = option("small", 1.2, 40), option("large", 12.3, 49)
CASES = (  # options, least, megabytes, what is asked, hint
    ([SMALL, LARGE], 0.6, 20, "two that are good enough", SMALLEST),
    ([LARGE, SMALL], 0.6, 20, "the same, the large one first", SMALLEST),
    ([SMALL, LARGE], 0.85, 20, "only the large one is good enough", WILSON),
    ([SMALL, LARGE], 0.85, 10, "the good one does not fit", "None: nothing can be shipped as it is."),
    ([SMALL, option("good", 31.5, 49)], 0.85, 20, "another good one does not fit",
     "None: nothing can be shipped as it is."),
    ([option("learned by heart", 1.2, 20, road=50), option("broad", 1.8, 45, road=30)], 0.7, 20,
     "one that knows its road alone", TYPED),
    ([], 0.5, 10, "no option at all", "Nothing to choose from is None, and no error."),
    ([SMALL], 0.0, 1.0, "one option, and it does not fit", "None: nothing can be shipped as it is."),
    ([option("tuned", 1.2, 45), option("prompted", 145, 50)], 0.85, 200, "45 of 50 right, wanted 85 %", MEAN),
    ([option("tuned", 1.2, 45), option("prompted", 145, 50)], 0.80, 200, "45 of 50 right, wanted 80 %", WILSON),
    ([option("tuned", 1.2, 45), option("prompted", 145, 50)], 0.784, 200, "45 of 50 right, wanted 78.4 %", WILSON),
    ([option("tuned", 1.2, 45), option("prompted", 145, 50)], 0.788, 200, "45 of 50 right, wanted 78.8 %", EXACT),
    ([option("tuned", 1.2, 45), option("prompted", 145, 50)], 0.7863, 200, "45 of 50 right, wanted 78.63 %", EXACT),
    ([option("tuned", 1.2, 50), option("prompted", 145, 50)], 0.928, 200, "50 of 50 right, wanted 92.8 %", WILSON),
    ([option("tuned", 1.2, 50), option("prompted", 145, 200, n=200)], 0.95, 200, "50 of 50 right, wanted 95 %",
     "All right in a few messages is no proof. Does your bound know how many were asked?"),
    ([option("few", 1.2, 9, n=10), option("many", 1.8, 450, n=500)], 0.7, 20, "9 of 10 and 450 of 500",
     "The fewer messages, the wider the interval: n is the length of that list."),
    ([option("few", 1.2, 9, n=10), option("many", 1.8, 450, n=500)], 0.59, 20, "9 of 10 right, wanted 59 %", WILSON),
    ([option("few", 1.2, 1, n=3), option("many", 1.8, 30, n=90)], 0.06, 20, "1 of 3 right, wanted 6 %", WILSON),
    ([option("limit", 2.0, 45)], 0.5, 2.0, "a file that just fits", "What takes exactly the room there is fits."),
    ([option("fits", 1.5, 45)], 0.5, 1.75, "room for 1.75 MB", "Room is a number with a point, and so are sizes."),
    ([option("nothing asked", 2.0, 0, n=0)], 0.0, 2.0, "no typed messages, wanted 0 %",
     "An option that was asked nothing has shown nothing: its bound is 0, and 0 is at least 0."),
    ([option("nothing asked", 2.0, 0, n=0), option("asked", 3.0, 9)], 0.05, 5.0, "no typed messages, wanted 5 %",
     "An option that was asked nothing has shown nothing: its bound is 0."),
    ([option("bad", 1.0, 10), option("slow", 1.5, 45, ms=900), option("fast", 2.6, 45, ms=3)], 0.5, 9.5,
     "the smaller one is far slower", "Size comes first, and speed only where sizes are equal."),
    ([option("slow", 2.0, 45, ms=90), option("fast", 2.0, 44, ms=30), option("better", 2.0, 50, ms=60)], 0.5, 5.0,
     "three files of one size", FASTEST),
    ([option("zeta", 2.0, 44), option("alpha", 2.0, 50), option("beta", 2.0, 47)], 0.5, 5.0, "three alike", FASTEST),
    ([option("large, fast", 500.5, 49, ms=5), option("klein, größer", 500.25, 46, ms=900)], 0.5, 501,
     "hundreds of megabytes, a quarter apart", SMALLEST),
    ([option(f"option {n}", 200 - n, 45) for n in range(100)] + [option("bad", 1, 3)], 0.5, 150, "101 options",
     "All options, however many there are."),
)  # fmt: skip


def drawn(rng, most=9):
    """Returns (options, least, megabytes) of random sizes; no bound lies close to what is wanted."""
    options = []
    for number in range(int(rng.integers(1, most))):
        n = int(rng.integers(1, 120))
        options.append(option(f"option {number}", int(rng.integers(1, 6)), int(rng.integers(0, n + 1)),
                              n, int(rng.integers(1, 4)), int(rng.integers(0, 51))))  # fmt: skip
    least = float(rng.uniform(0.05, 0.9))
    while min(abs(bound(each["typed"]) - least) for each in options) < 1e-3:
        least = float(rng.uniform(0.05, 0.9))
    return options, least, int(rng.integers(1, 7))
