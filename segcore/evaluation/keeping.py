"""How likely a customer keeps the segment when the model is fitted again, on other customers.

The model is fitted to random parts of the sample and judged on the rest. The published segments and a refit's are matched,
so that as many rows as can be stay, and each row that the refit has not seen keeps its segment or does not. A monotone map
from the margin, which every family has in a unit of its own, to the share that is kept makes one figure of it for all families.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.isotonic import IsotonicRegression
from threadpoolctl import threadpool_limits

from segcore.arrays import Floats, Labels
from segcore.evaluation.refit import Target, refit_each
from segcore.models.assignment import Assigner
from segcore.models.keeping import Keeping

# With 30 the noise of the map shows in its lowest bin, as segcore/evaluation/README.md says; 100 are hardly better.
N_REFITS = 60
_KEEPING, _FIT = 3, 4  # what random numbers are for, beside those of stability


def measure(assigner: Assigner, target: Target, X: Floats, n_fitted: int, *, seed: int) -> Keeping:
    """Refit a model to parts of a sample, and map its margins to the share of customers who keep their segment.

    Two fifths of as many rows as the model was fitted to are drawn without replacement. At a third a mean of theirs is as far
    from that of the fit as a mean of as many other customers would be (1 / m - 1 / n = 2 / n); small fits vary by more than
    means do, and two fifths are what fits to other customers agree with. Where the sample is too small for that, two thirds of
    it: the refits are then less certain than the fit is, and so is what is said of a customer.

    Parameters
    ----------
    assigner : Assigner
        The published model.
    target : Target
        The same, as it is fitted again.
    X : ndarray of shape (n_rows, n_features), float64
        A random sample of the customers.
    n_fitted : int
        Customers that the published model was fitted to.
    seed : int
    """
    labels, margin = assigner.assign(X)
    kept, seen = np.zeros(len(X)), np.zeros(len(X))
    drawn = max(min(2 * n_fitted // 5, 2 * len(X) // 3), target[1] + 1)
    with threadpool_limits(1):
        for number in range(N_REFITS):
            order = np.random.default_rng((seed, number, _KEEPING)).permutation(len(X))
            state = int(np.random.SeedSequence((seed, number, _FIT)).generate_state(1)[0])
            fit = refit_each([target], X[order[:drawn]], state).get(target)
            others = order[drawn:]
            if fit is None or not len(others):
                continue
            again = fit.assigner.assign(X)[0]
            kept[others] += matched(labels, again, target[1])[others] == labels[others]
            seen[others] += 1
    return _calibrated(margin.astype(np.float64), kept, seen)


def matched(labels: Labels, others: Labels, n_clusters: int) -> Labels:
    """Return another partition of the same rows with the labels under which most rows stay where they are.

    Parameters
    ----------
    labels, others : ndarray of shape (n_rows,)
    n_clusters : int
    """
    common = np.bincount(labels * n_clusters + others, minlength=n_clusters**2).reshape(
        n_clusters, n_clusters
    )
    own, other = linear_sum_assignment(common, maximize=True)
    names = np.empty(n_clusters, dtype=np.int32)
    names[other] = own
    return names[others]


def _calibrated(margin: Floats, kept: Floats, seen: Floats) -> Keeping:
    known = seen > 0
    if not known.any():
        return Keeping()
    rising = IsotonicRegression(y_min=0, y_max=1).fit(
        margin[known], kept[known] / seen[known], sample_weight=seen[known]
    )
    return Keeping(margins=tuple(rising.X_thresholds_.tolist()), shares=tuple(rising.y_thresholds_.tolist()))
