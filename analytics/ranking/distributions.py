"""The normal, Student t and binomial distributions, as far as intervals and tests need them.

Not a statistics library: no densities, no fitting. Scalars in, scalars out, standard library only,
right to about 1e-9.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf, isnan, lgamma, log, log1p, pi
from statistics import NormalDist

_STANDARD = NormalDist()
_NEARLY_NORMAL = 1e7
"""Degrees of freedom from which t is taken as normal; a 97.5 % quantile is then off by 2e-7."""
_STEPS = 100_000
_PRECISION = 1e-15


def normal_quantile(p: float) -> float:
    """z with P(Z <= z) = p. Raises ValueError unless 0 < p < 1."""
    _check_probability(p)
    return _STANDARD.inv_cdf(p)


def normal_tail(z: float) -> float:
    """P(Z > z)."""
    return _STANDARD.cdf(-z)


def t_cdf(t: float, df: float) -> float:
    """P(T <= t) for Student's t with `df` > 0 degrees of freedom, which need not be whole."""
    return 1 - t_tail(t, df) if t > 0 else t_tail(-t, df)


def t_tail(t: float, df: float) -> float:
    """P(T > t), right in the far tail too.

    Half of I_x(df/2, 1/2) with x = df/(df + t²) when t >= 0.
    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1 with 26.5.27.
    """
    _check_degrees(df)
    if t < 0:
        return 1 - t_tail(-t, df)
    if df >= _NEARLY_NORMAL:
        return normal_tail(t)
    square = t * t
    if square == inf:
        return 0.0
    return _incomplete_beta(df / 2, 0.5, df / (df + square), square / (df + square)) / 2


@lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """t with P(T <= t) = p. Raises ValueError unless 0 < p < 1 and df > 0."""
    _check_probability(p)
    _check_degrees(df)
    if p == 0.5:
        return 0.0
    if p < 0.5:
        return -_upper_t_quantile(p, df)
    return _upper_t_quantile(1 - p, df)


def binomial_tail(k: int, n: int, p: float = 0.5) -> float:
    """P(X >= k) for X successes of n with probability p each: I_p(k, n - k + 1)."""
    if n < 0 or not 0 < p < 1:
        raise ValueError("a binomial has n >= 0 trials and a probability between 0 and 1")
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    return _incomplete_beta(k, n - k + 1, p, 1 - p)


def binomial_test(k: int, n: int) -> float:
    """Two-sided exact p value of k successes of n when both outcomes were equally likely.

    Twice the smaller tail, at most 1; 1 when there was nothing to see (n = 0).
    """
    if not 0 <= k <= n:
        raise ValueError("successes lie between 0 and the number of trials")
    return min(1.0, 2 * binomial_tail(max(k, n - k), n))


def _upper_t_quantile(tail: float, df: float) -> float:
    """t > 0 with P(T > t) = tail < 1/2: Newton's method, bisecting where it leaves the bracket."""
    if df >= _NEARLY_NORMAL:
        return -_STANDARD.inv_cdf(tail)
    low, high = 0.0, 1.0
    while t_tail(high, df) > tail:
        low, high = high, high * 2
    t = (low + high) / 2
    for _ in range(200):
        error = t_tail(t, df) - tail
        low, high = (t, high) if error > 0 else (low, t)
        following = t + error / _t_density(t, df)
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - t) <= 4e-16 * following:
            break
        t = following
    return t


def _t_density(t: float, df: float) -> float:
    scale = lgamma((df + 1) / 2) - lgamma(df / 2) - log(df * pi) / 2
    return exp(scale - (df + 1) / 2 * log1p(t * t / df))


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Regularised I_x(a, b), with rest = 1 - x given apart so that nothing is lost near 1.

    Source: NIST Digital Library of Mathematical Functions, 8.17.22 (continued fraction), evaluated
    by Lentz's method; 8.17.4 turns it round where it converges slowly.
    """
    if x <= 0:
        return 0.0
    if rest <= 0:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest))
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(a, b, x) / a
    return 1 - front * _continued_fraction(b, a, rest) / b


def _continued_fraction(a: float, b: float, x: float) -> float:
    upper, lower = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = lower
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            lower = 1 / _away_from_zero(1 + term * lower)
            upper = _away_from_zero(1 + term / upper)
            value *= lower * upper
        if abs(lower * upper - 1) < _PRECISION:
            return value
    raise ArithmeticError(f"the incomplete beta function of {a:g} and {b:g} did not converge")


def _away_from_zero(value: float) -> float:
    return value if abs(value) > 1e-300 else 1e-300


def _check_probability(p: float) -> None:
    if not 0 < p < 1:
        raise ValueError("a quantile belongs to a probability between 0 and 1")


def _check_degrees(df: float) -> None:
    if isnan(df) or df <= 0:
        raise ValueError("degrees of freedom are positive")
