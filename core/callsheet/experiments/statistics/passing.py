"""pass@k by its closed form: how likely it is that one of k samples passes, from c that passed of n."""

from __future__ import annotations

import math
from collections.abc import Iterable


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The unbiased estimate 1 - C(n - c, k) / C(n, k) of Chen et al. (2021), as a product, which does not overflow.

    Taking 1 - (1 - c / n) ** k instead is too low. Raises ValueError where fewer than `k` samples were drawn, which
    has no unbiased estimate, and for counts that cannot be.

    >>> round(pass_at_k(5, 2, 1), 9), pass_at_k(5, 4, 2), pass_at_k(5, 0, 3)
    (0.4, 1.0, 0.0)
    """
    if not 0 <= passed <= samples:
        raise ValueError(f"{passed} of {samples} samples cannot have passed.")
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} needs at least {max(k, 1)} samples and a k of at least 1; there are {samples}.")
    if samples - passed < k:
        return 1.0
    failing = math.fsum(math.log1p(-k / rest) for rest in range(samples - passed + 1, samples + 1))
    return -math.expm1(failing) or 0.0  # and not -0.0


def mean_pass_at_k(prompts: Iterable[tuple[int, int]], k: int) -> float:
    """The mean over prompts, each with its number of samples and of those that passed; NaN without prompts."""
    estimates = [pass_at_k(samples, passed, k) for samples, passed in prompts]
    return math.fsum(estimates) / len(estimates) if estimates else math.nan
