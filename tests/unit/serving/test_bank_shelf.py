"""Banks are read once, checked, and refused when anything is odd."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from synid_engine.errors import (
    BaseModelMismatchError,
    CorruptTensorError,
    InvalidSettingError,
    MissingTensorError,
)
from synid_engine.identity.bank import IdentityBank
from synid_engine.serving.bank_shelf import BankShelf

MakeBank = Callable[..., IdentityBank]


def _keep(folder: Path, bank: IdentityBank) -> str:
    data = bank.to_bytes()
    digest = hashlib.sha256(data).hexdigest()
    path = folder / digest[:2] / f"{digest}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return digest


def test_bank_is_read_once(tmp_path: Path, make_bank: MakeBank) -> None:
    bank = make_bank(1)
    digest = _keep(tmp_path, bank)
    shelf = BankShelf(tmp_path, model_hash=bank.model_hash)
    found = shelf.get(digest)
    assert torch.equal(found.identity_tokens, bank.identity_tokens)
    next((tmp_path / digest[:2]).iterdir()).unlink()
    assert shelf.get(digest) is found


def test_least_recently_used_bank_makes_room(tmp_path: Path, make_bank: MakeBank) -> None:
    digests = [_keep(tmp_path, make_bank(seed)) for seed in range(3)]
    shelf = BankShelf(tmp_path, model_hash=make_bank(0).model_hash, most=2)
    first = shelf.get(digests[0])
    second = shelf.get(digests[1])
    assert shelf.get(digests[0]) is first
    shelf.get(digests[2])
    assert len(shelf) == 2
    assert shelf.get(digests[0]) is first
    assert shelf.get(digests[1]) is not second
    with pytest.raises(InvalidSettingError):
        BankShelf(tmp_path, model_hash="", most=0)


def test_odd_banks_are_refused(tmp_path: Path, make_bank: MakeBank) -> None:
    model_hash = make_bank(1).model_hash
    shelf = BankShelf(tmp_path, model_hash=model_hash)
    with pytest.raises(MissingTensorError):
        shelf.get("0" * 64)
    foreign = _keep(tmp_path, replace(make_bank(1), model_hash="f" * 64))
    with pytest.raises(BaseModelMismatchError):
        shelf.get(foreign)
    damaged = _keep(tmp_path, make_bank(2))
    path = tmp_path / damaged[:2] / f"{damaged}.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptTensorError):
        shelf.get(damaged)
