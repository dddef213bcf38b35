"""Polynomials for the functions that the compiler puts together -> src/compiler/expand/coefficients.ts

    pip install mpmath && python scripts/fit_functions.py

Each is the interpolant at Chebyshev points, whose relative error is within a small factor of the best one, computed with 60
digits and written out in powers of the variable. Degrees are the least that reach the precision of the dtype.
"""

import pathlib

from mpmath import mp, mpf

mp.dps = 60
OUT = pathlib.Path(__file__).resolve().parents[1] / "src" / "compiler" / "expand" / "coefficients.ts"


def interpolate(f, low, high, degree, centered):
    """Coefficients of the interpolant of f on [low, high]: of x, or of t in [-1, 1] with x in the middle at t = 0."""
    n = degree + 1
    middle, half = (mpf(high) + low) / 2, (mpf(high) - low) / 2
    nodes = [mp.cos(mp.pi * (k + mpf(1) / 2) / n) for k in range(n)]
    values = [f(middle + half * t) for t in nodes]
    if not centered:
        nodes = [middle + half * t for t in nodes]
    # Newton's divided differences, expanded.
    table = list(values)
    for level in range(1, n):
        for i in range(n - 1, level - 1, -1):
            table[i] = (table[i] - table[i - 1]) / (nodes[i] - nodes[i - level])
    poly = [table[-1]]
    for i in range(n - 2, -1, -1):
        poly = [mpf(0)] + poly
        for k in range(len(poly) - 1):
            poly[k] -= nodes[i] * poly[k + 1]
        poly[0] += table[i]
    return poly


def fit(f, low, high, tolerance, centered=False):
    low, high = mpf(low), mpf(high)
    for degree in range(2, 40):
        poly = interpolate(f, low, high, degree, centered)
        worst = mpf(0)
        for k in range(301):
            t = -1 + mpf(2 * k) / 300
            x = (high + low) / 2 + (high - low) / 2 * t
            exact = f(x)
            worst = max(worst, abs(mp.polyval(poly[::-1], t if centered else x) / exact - 1))
        if worst < tolerance:
            return poly, worst
    raise SystemExit("no degree suffices")


def off_zero(f, limit):
    """f(x) / x as a function of x squared, its limit at 0."""

    def g(square):
        x = mp.sqrt(square)
        return limit if x < mpf(10) ** -25 else f(x) / x

    return g


def complement(a):
    """(1 + 2 x) erfc(x) exp(x^2) for x = a (1 + t) / (1 - t), which is t = (x - a) / (x + a)."""

    def g(t):
        x = a * (1 + t) / (1 - t)
        return (1 + 2 * x) * mp.erfc(x) * mp.exp(x * x)

    return g


def bessel(order):
    def near(t):
        # t = x / 4 - 1; of order 1 the quotient by x, which is 1 / 2 at 0
        x = 4 * (t + 1)
        if order == 1 and x < mpf(10) ** -29:
            return mpf(1) / 2
        return mp.besseli(order, x) * mp.exp(-x) / (x if order == 1 else 1)

    def far(t):
        # t = 16 / x - 1
        if t <= -1:
            return 1 / mp.sqrt(2 * mp.pi)
        x = 16 / (t + 1)
        return mp.besseli(order, x) * mp.exp(-x) * mp.sqrt(x) if x < 5000 else asymptotic(order, x)

    return near, far


def asymptotic(order, x):
    total, term = mpf(1), mpf(1)
    for k in range(1, 30):
        term *= -(4 * order * order - (2 * k - 1) ** 2) / (8 * k * x)
        total += term
    return total / mp.sqrt(2 * mp.pi)


def inverse_error(square_rooted):
    """erfinv(x) / x as a function of w = -log(1 - x^2), or of its root."""

    def g(v):
        w = v * v if square_rooted else v
        if w < mpf(10) ** -20:
            return mp.sqrt(mp.pi) / 2
        x = mp.sqrt(-mp.expm1(-w))
        return mp.erfinv(x) / x

    return g


single, double = mpf(2) ** -27, mpf(2) ** -56
tangent = mp.sqrt(2) - 1
tables = []


def emit(name, comment, fitted):
    poly, worst = fitted
    numbers = ", ".join(repr(float(c)) for c in poly)
    tables.append(f"/** {comment} Relative error {mp.nstr(worst, 2)}. */\nexport const {name} = [{numbers}];")


atan = off_zero(mp.atan, mpf(1))
asin = off_zero(mp.asin, mpf(1))
emit("atanSingle", "`atan(x) / x` in x^2 for |x| <= tan(pi / 8).", fit(atan, 0, tangent**2, single))
emit("atanDouble", "`atan(x) / x` in x^2 for |x| <= tan(pi / 8).", fit(atan, 0, tangent**2, double))
emit("asinSingle", "`asin(x) / x` in x^2 for |x| <= 1 / 2.", fit(asin, 0, mpf(1) / 4, single))
emit("asinDouble", "`asin(x) / x` in x^2 for |x| <= 1 / 2.", fit(asin, 0, mpf(1) / 4, double))
to_t = lambda x, a: (mpf(x) - a) / (mpf(x) + a)
emit(
    "erfcSingle",
    "`(1 + 2 x) erfc(x) exp(x^2)` in t = (x - 2) / (x + 2) for 1/2 <= x <= 10.5.",
    fit(complement(2), to_t(0.5, 2), to_t(10.5, 2), mpf(2) ** -26),
)
emit(
    "erfcDouble",
    "`(1 + 2 x) erfc(x) exp(x^2)` in t = (x - 4) / (x + 4) for 1/2 <= x <= 28.",
    fit(complement(4), to_t(0.5, 4), to_t(28, 4), mpf(2) ** -55),
)
emit(
    "erfinvCentral",
    "`erfinv(x) / x` in t = w / 2.5 - 1, w = -log(1 - x^2) from 0 to 5.",
    fit(lambda t: inverse_error(False)(mpf(5) / 2 * (t + 1)), -1, 1, mpf(2) ** -26, True),
)
emit(
    "erfinvTail",
    "`erfinv(x) / x` in t = (sqrt(w) - 4.125) / 2, w = -log(1 - x^2) from 4.5 to 37.",
    fit(lambda t: inverse_error(True)(2 * t + mpf(33) / 8), -1, 1, mpf(2) ** -26, True),
)
for order in (0, 1):
    near, far = bessel(order)
    what = f"`exp(-x) I{order}(x){' / x' if order else ''}`"
    emit(f"bessel{order}Near", f"{what} in t = x / 4 - 1 for 0 <= x <= 8.", fit(near, -1, 1, mpf(2) ** -54, True))
    emit(f"bessel{order}Far", f"`exp(-x) sqrt(x) I{order}(x)` in t = 16 / x - 1 for x >= 8.", fit(far, -1, 1, mpf(2) ** -54, True))

OUT.write_text(
    "/** Coefficients, lowest power first; made by scripts/fit_functions.py, which says how. */\n\n" + "\n\n".join(tables) + "\n"
)
print(OUT, len(tables), "polynomials")
