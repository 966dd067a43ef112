import pickle

import pytest

from kubestill.ground.errors import KubestillError, Unavailable, UserError, near

ERRORS = [UserError("here", "this", "mend it"), UserError("here", "this"), Unavailable("torch", "pip install torch")]


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_an_error_comes_back_whole_from_a_worker_process(error: KubestillError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.exit_code, vars(again)) == (type(error), str(error), error.exit_code, vars(error))


def test_near_names() -> None:
    assert near("learning_rte", ["learning_rate", "tokens"]) == "did you mean 'learning_rate'?"
    assert near("zzz", ["learning_rate", "tokens"]) == ""
