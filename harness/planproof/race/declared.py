"""What a workload declares, looked at before anything runs: a mistake in it is one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof.errors import PlanproofError, WorkloadError
from planproof.race.bundles import Bundle
from planproof.race.wording import one_line


if TYPE_CHECKING:
    from planproof.race.workload import Workload


def check_declared(workload: type[Workload]) -> None:
    """See that the parts of a workload are what they are to be.

    Args:
        workload: the class.

    Raises:
        WorkloadError: there is no operation, an argument can have no value, ``expected``, ``model`` or
            ``faults`` hold something else, a number is too small, or the class cannot be made.
    """
    name = workload.__name__
    for operation, declared in workload.operations().items():
        for argument, strategy in declared.strategies.items():
            if not isinstance(strategy, Bundle) and strategy.is_empty:
                raise WorkloadError(f"argument {argument!r} of operation {operation!r} can have no value")
    for number in ("clients", "steps"):
        if getattr(workload, number) < 1:
            raise WorkloadError(f"{name}.{number} is at least 1, not {getattr(workload, number)}")
    _check_expected(workload)
    _check_model(workload)
    _check_faults(workload)
    try:
        workload()
    except PlanproofError:
        raise
    except Exception as error:
        told = f"{name} is made without arguments, and that fails: {one_line(error)}"
        raise WorkloadError(told) from error


def _check_expected(workload: type[Workload]) -> None:
    declared: Any = workload.expected
    for each in declared if isinstance(declared, tuple) else (declared,):
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise WorkloadError(f"{workload.__name__}.expected holds exceptions, and {each!r} is none")


def _check_model(workload: type[Workload]) -> None:
    from planproof.race.models import Model

    if workload.model is not None and not isinstance(workload.model, Model):
        raise WorkloadError(
            f"{workload.__name__}.model is an object such as CasRegister() or own_model(function, initial), "
            f"not {workload.model!r}"
        )


def _check_faults(workload: type[Workload]) -> None:
    from planproof.race.faults.fault import Fault

    for each in workload.faults:
        if not isinstance(each, Fault):
            raise WorkloadError(
                f"{workload.__name__}.faults are objects such as Pause(client=0), and {each!r} is none"
            )
