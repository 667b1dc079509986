"""Random programs on the interpreter, compared with a model of what they mean."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.blackbox.model import LAYERS, Dice, Failed, Model, without_ids
from tests.conformance.blackbox.programs import Program, get, keys, note
from tests.conformance.blackbox.server import Server, eventually, new, value_of


@pytest.mark.parametrize("number", range(12))
async def test_a_program_gives_what_the_model_gives(server: Server, program_seed: int, number: int) -> None:
    """Whatever is drawn, results, failures and the states left behind are the model's."""
    dice = Dice(program_seed + number, prefix=new("p"))
    model = Model()
    for _ in range(4):
        key, program = dice.key(0), dice.program(0, length=8)
        assert await _played(server, key, program) == _modelled(model, key, program), program
    for key, state in model.states.items():
        await _check_state(server, key, state)


async def test_programs_do_not_disturb_each_other(server: Server, program_seed: int) -> None:
    """Ten programs at once, over keys of their own, give what each would give alone."""
    all_dice = [Dice(program_seed + 1000 + number, prefix=new("p")) for number in range(10)]
    cases = [(dice.key(0), dice.program(0, length=8)) for dice in all_dice]
    played = await asyncio.gather(*(_played(server, key, program) for key, program in cases))
    assert played == [_modelled(Model(), key, program) for key, program in cases]


async def _played(server: Server, key: str, program: Program) -> object:
    answer = await server.post(f"/Actor/{key}/play", [*program, note(new("end"))])
    if answer.status_code == 200:
        return without_ids(value_of(answer)[:-1])
    return (answer.status_code, answer.json()["message"])


def _modelled(model: Model, key: str, program: Program) -> object:
    try:
        return model.play(key, program)
    except Failed as failed:
        return (failed.code, failed.message)


async def _check_state(server: Server, key: str, state: dict[str, object]) -> None:
    names = sorted(state)

    async def has_come() -> bool:
        # Messages may still be on their way.
        return await server.act(key, keys(), *map(get, names)) == [names, *(state[name] for name in names)]

    assert await eventually(has_come), f"{key} is not {state} after {LAYERS} layers"
