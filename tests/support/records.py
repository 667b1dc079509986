"""Hypothesis strategies for the engine's records, as the engine makes them."""

from __future__ import annotations

from hypothesis import strategies as st

from holdfast_engine.records import (
    Awaiting,
    Caller,
    Failure,
    Head,
    Kept,
    Kind,
    LastFailure,
    Origin,
    Outcome,
    Page,
    Sink,
    Status,
    Target,
    Trace,
)
from holdfast_protocol.ids import encode_deployment_id, encode_invocation_id

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
times_ms = st.integers(min_value=1_700_000_000_000, max_value=4_000_000_000_000)
counts = st.integers(min_value=0, max_value=100_000)
invocation_ids = st.binary(min_size=24, max_size=24).map(encode_invocation_id)
deployment_ids = st.binary(min_size=16, max_size=16).map(encode_deployment_id)
frames = st.lists(st.binary(min_size=8, max_size=60), max_size=6).map(tuple)
nonces = st.binary(min_size=12, max_size=12).map(bytes.hex)
first_epochs = st.just(1) | st.integers(2, 1000)
sinks = st.builds(
    Sink,
    invocation_id=invocation_ids,
    completion_id=counts,
    completion_type=st.sampled_from([0x800D, 0x8012]),
    first_epoch=first_epochs,
)
callers = st.builds(Caller, invocation_id=invocation_ids, completion_id=counts, first_epoch=first_epochs)
failures = st.builds(Failure, code=counts, message=texts, metadata=st.lists(st.tuples(texts, texts)).map(tuple))
outcomes = st.one_of(st.builds(Outcome, value=st.binary()), st.builds(Outcome, failure=failures))
leaves = st.lists(counts, max_size=3).map(tuple)
trees = st.recursive(
    st.builds(Awaiting, combinator=st.integers(0, 4), completions=leaves, signals=leaves, names=st.tuples(texts)),
    lambda inner: st.builds(Awaiting, combinator=st.integers(0, 4), nested=st.lists(inner, max_size=2).map(tuple)),
    max_leaves=3,
)
last_failures = st.builds(
    LastFailure,
    code=counts,
    message=texts,
    stacktrace=texts,
    rt_code=st.just("RT0007"),
    command_index=st.none() | counts,
    command_name=texts,
    command_type=st.none() | st.just(0x411),
    at_ms=times_ms,
)


origins = st.builds(
    Origin,
    invocation_id=invocation_ids,
    copied=counts,
    seed=st.integers(min_value=0, max_value=2**64 - 1),
    is_pinned=st.booleans(),
)
ascii_texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
traces = st.builds(Trace, parent=ascii_texts, state=ascii_texts)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    """Return a later page; tokens of signals come with frames, so a page without has none."""
    entries = draw(frames)
    return Page(
        epoch=draw(st.integers(0, 50)),
        base=draw(counts),
        frames=entries,
        closed=draw(st.booleans()),
        taken=draw(st.lists(texts, max_size=2).map(tuple)) if entries else (),
    )


@st.composite
def heads(draw: st.DrawFn) -> Head:
    """Return a head whose parts fit together as the engine's always do."""
    kind = draw(st.sampled_from(Kind))
    status = draw(st.sampled_from(Status))
    epoch = draw(st.integers(0, 50))
    created = draw(times_ms)
    modified = draw(st.just(created) | times_ms)
    is_completed = status is Status.COMPLETED
    page = Page(
        epoch=epoch,
        base=0,
        frames=draw(frames),
        closed=draw(st.booleans()),
        taken=draw(st.lists(texts, max_size=2).map(tuple)),
    )
    return Head(
        id=draw(invocation_ids),
        target=Target(
            service=draw(texts),
            key=draw(texts) if kind.is_keyed else None,
            handler=draw(texts),
            scope=draw(st.none() | texts),
        ),
        kind=kind,
        status=status,
        epoch=epoch,
        created_ms=created,
        modified_ms=modified,
        page=page,
        nonce=draw(nonces),
        lease_until_ms=draw(st.just(0) | times_ms),
        is_open=draw(st.booleans()),
        caller=draw(st.none() | callers),
        deployment_id=draw(st.none() | deployment_ids),
        protocol_version=draw(st.none() | st.integers(5, 7)),
        done=draw(counts),
        ticket=draw(st.none() | counts),
        awaiting=draw(st.none() | trees),
        retry_at_ms=draw(st.none() | times_ms),
        failed_attempts=draw(counts),
        command_retries=draw(counts),
        last_entry_ms=draw(st.just(created) | times_ms | st.just(0)),
        last_failure=draw(st.none() | last_failures),
        sinks=draw(st.lists(sinks, max_size=2).map(tuple)),
        outcome=draw(st.none() | outcomes),
        outcome_index=draw(st.none() | counts),
        invoke_at_ms=draw(st.none() | times_ms),
        completed_ms=draw(st.just(modified) | times_ms) if is_completed else None,
        idempotency_key=draw(st.none() | texts),
        limit_key=draw(st.none() | texts),
        completion_retention_ms=draw(st.sampled_from([0, 1, 86_400_000, 86_400_001])),
        journal_retention_ms=draw(st.sampled_from([0, 1, 86_400_000])),
        is_killed=draw(st.booleans()),
        answer_retention_ms=draw(st.none() | st.sampled_from([0, 1000])),
        kept=draw(st.sampled_from(Kept)) if is_completed else Kept.JOURNAL,
        origin=draw(st.none() | origins),
        trace=draw(st.none() | traces),
        first_epoch=draw(st.just(1) | st.integers(1, epoch + 1)),
    )
