"""Newey and West's errors against statsmodels, and what joins several series."""

import numpy as np
import pytest
import statsmodels.api as sm

from collapse.stats.newey_west import slopes


@pytest.fixture(params=range(3))
def data(request):
    rng = np.random.default_rng(request.param)
    x = np.cumsum(rng.normal(size=(40, 5)), axis=0)
    return rng.normal(size=40) + 0.3 * x[:, 0], x


@pytest.mark.parametrize("max_lag", [0, 1, 3])
def test_one_series_gives_what_statsmodels_gives(data, max_lag):
    y, x = data
    found = slopes(y, x, np.zeros(40), max_lag)
    for column in range(x.shape[1]):
        fitted = sm.OLS(y, sm.add_constant(x[:, column])).fit(cov_type="HAC", cov_kwds={"maxlags": max_lag})
        one = (found.slope[column], found.standard_error[column], found.p_value[column])
        assert one == pytest.approx((fitted.params[1], fitted.bse[1], fitted.pvalues[1]), rel=1e-8)


def test_residuals_of_different_series_are_not_multiplied(data):
    y, x = data
    alone = slopes(y, x, np.arange(40), 3)
    np.testing.assert_allclose(alone.standard_error, slopes(y, x, np.zeros(40), 0).standard_error)
    joined = slopes(y, x, np.repeat([0, 1], 20), 1)
    assert not np.allclose(joined.standard_error, slopes(y, x, np.zeros(40), 1).standard_error, rtol=1e-9)


def test_a_regressor_that_does_not_vary_has_no_slope(data):
    y, x = data
    x[:, 2] = 7.1
    found = slopes(y, x, np.zeros(40), 1)
    assert np.isnan([found.slope[2], found.standard_error[2], found.p_value[2]]).all()
    assert np.isfinite(found.p_value[[0, 1, 3, 4]]).all()
