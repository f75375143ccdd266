"""How a run ended: completed, stopped by a plugin, interrupted by a signal, or failed; `run.json` gets the result."""

from __future__ import annotations

import contextlib
import signal
import traceback
from typing import TYPE_CHECKING, Any

from callsheet.disk import reserve
from callsheet.disk.os_errors import explained
from callsheet.launch import failures
from callsheet.process.signals import Interrupted, Terminated, signal_in
from callsheet.records import RunResult
from callsheet.rundir import attempts
from callsheet.rundir.rundir import now
from callsheet.secrets import redact_text
from callsheet.session.best import best_checkpoint

if TYPE_CHECKING:
    from callsheet.session.session import Session


def result_of(session: Session, error: BaseException | None, seconds: float) -> RunResult:
    """The result of the run, from `error`, a plugin's request or a signal; without any of them, it is completed."""
    status, said = "completed", None
    if error is not None and (peer := failures.cause_elsewhere(error, session.state.rank)):
        status, said = "interrupted" if peer.is_signal else "failed", peer.said
    elif _is_interruption(session, error):
        name = signal_of(session, error)
        status, said = "interrupted", f"stopped by {name}" if name else str(error) or type(error).__name__
    elif error is not None and (refused := explained(error, [session.run_dir.path])):
        status, said = "failed", redact_text(str(refused))
    elif error is not None:
        status, said = "failed", redact_text(failures.lost(error) or f"{type(error).__name__}: {error}")
    elif session.stopped_by:
        status = "stopped"
    run_id = str(session.ctx.ids.get("run_id") or session.ctx.run)
    metrics, artifacts = dict(session.metrics), session.artifacts
    return RunResult(status, session.state.step, metrics, seconds, said, run_id=run_id, artifacts=artifacts)


def write_end(session: Session, result: RunResult, error: BaseException | None) -> None:
    """Write into `run.json` that the run is over, before any hook is called: the process may be killed in a hook."""
    if not session.run_dir.is_main:
        return
    if error is not None:
        trace = redact_text("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        session.run_dir.event(result.status, error=result.error, traceback=trace)
    how = {"status": result.status, "ended": now()}
    with contextlib.suppress(OSError):
        outcome = _outcome(session, result, error)
        fields = {**how, "attempts": _attempts(session, **how, step=result.step), "outcome": outcome}
        reserve.last_words(session.run_dir.path, lambda: session.run_dir.update_run(**fields))


def write_outcome(session: Session, result: RunResult, error: BaseException | None = None) -> None:
    """Write the final outcome into `run.json`; on a full disk it is lost, but the run does not fail."""
    if not session.run_dir.is_main:
        return
    counts = session.unpublished()
    how = {"status": result.status, "ended": now()}
    with contextlib.suppress(OSError):
        reserve.free(session.run_dir.path)
        session.run_dir.update_run(
            **how,
            attempts=_attempts(session, **how, step=result.step),
            outcome=_outcome(session, result, error),
            best=best_checkpoint(session.run_dir, session.state.trainer),
            ids=session.ctx.ids,
            cost=session.lineup.cost(),
            **({"outbox": counts} if counts else {}),
        )
        session.run_dir.event("ended", status=result.status, step=result.step)


def _written(result: RunResult) -> dict[str, Any]:
    """`result` for `run.json`, where the artifacts stand already; what plugins keep in `extras` is theirs."""
    return {name: value for name, value in vars(result).items() if name not in ("artifacts", "extras")}


def signal_of(session: Session, error: BaseException | None) -> str | None:
    """The name of the signal that ended the run, such as SIGTERM: of one that this process got, or another rank."""
    if session.signals.received:
        return signal.Signals(session.signals.received).name
    if isinstance(error, Interrupted):
        return signal.Signals(error.signum).name
    if isinstance(error, KeyboardInterrupt):
        return signal.SIGINT.name
    if isinstance(error, Terminated):
        return signal.SIGTERM.name
    return None


def _outcome(session: Session, result: RunResult, error: BaseException | None) -> dict[str, Any]:
    """The outcome as it stands in `run.json`; it may not be the signal that ended what was trained by then."""
    ended_by = None
    if result.status in ("interrupted", "failed"):
        ended_by = signal_of(session, error) or signal_in(result.error or "")
    return {**_written(result), "signal": ended_by, "stopped_by": session.stopped_by}


def _attempts(session: Session, **how: Any) -> list[dict[str, Any]]:
    return attempts.ended(session.run_dir.run().get("attempts", []), **how)


def _is_interruption(session: Session, error: BaseException | None) -> bool:
    """Whether a signal ended the run. After a signal, the loss of another rank that left first is no failure."""
    if isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit)):
        return True
    return bool(session.signals.received) and (error is None or failures.lost_peer(error))
