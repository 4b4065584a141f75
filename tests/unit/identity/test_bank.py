import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from synid_engine.errors import (
    BaseModelMismatchError,
    CorruptTensorError,
    InvalidSettingError,
    MissingTensorError,
    TensorWriteError,
)
from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.blend import blend_banks, stack_banks
from synid_engine.runtime.backbone import Backbone

MakeBank = Callable[..., IdentityBank]
HEADER = {"format": "synid.identity-bank", "version": "1", "model_hash": "abc", "metadata": "{}"}


def assert_equal(bank: IdentityBank, other: IdentityBank) -> None:
    for name in ("keys", "values", "null_keys", "null_values"):
        left, right = getattr(bank, name), getattr(other, name)
        assert set(left) == set(right)
        assert all(left[layer].dtype == right[layer].dtype for layer in left)
        assert all(torch.equal(left[layer], right[layer]) for layer in left)
    assert torch.equal(bank.identity_tokens, other.identity_tokens)
    assert torch.equal(bank.null_tokens, other.null_tokens)
    assert (bank.model_hash, dict(bank.metadata)) == (other.model_hash, dict(other.metadata))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("null", [True, False])
def test_saved_bank_loads_bit_for_bit(
    make_bank: MakeBank, tmp_path: Path, dtype: torch.dtype, *, null: bool
) -> None:
    bank = make_bank(1, null=null).to(dtype=dtype)
    bank.save(tmp_path / "bank.safetensors")
    assert_equal(bank, IdentityBank.load(tmp_path / "bank.safetensors", model_hash=bank.model_hash))
    assert [path.name for path in tmp_path.iterdir()] == ["bank.safetensors"]


def test_bank_of_another_base_model_is_refused(make_bank: MakeBank, tmp_path: Path) -> None:
    make_bank(1).save(tmp_path / "bank.safetensors")
    with pytest.raises(BaseModelMismatchError) as caught:
        IdentityBank.load(tmp_path / "bank.safetensors", model_hash="other")
    assert caught.value.expected == "other"


def test_failed_save_leaves_the_old_bank(
    make_bank: MakeBank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bank.safetensors"
    bank = make_bank(1)
    bank.save(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TensorWriteError) as caught:
        make_bank(2).save(path)
    monkeypatch.undo()
    assert caught.value.reason == "No space left on device"
    assert_equal(bank, IdentityBank.load(path, model_hash=bank.model_hash))
    assert len(list(tmp_path.iterdir())) == 1


def test_bank_cannot_be_saved_where_no_folder_is(make_bank: MakeBank, tmp_path: Path) -> None:
    with pytest.raises(TensorWriteError):
        make_bank(1).save(tmp_path / "nowhere" / "bank.safetensors")


def test_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingTensorError):
        IdentityBank.load(tmp_path / "bank.safetensors", model_hash="abc")
    with pytest.raises((MissingTensorError, CorruptTensorError)):
        IdentityBank.load(tmp_path, model_hash="abc")


@pytest.mark.parametrize("data", [b"", b"\x80\x04K\x01.", b"\xff" * 4096, b'{"keys": 1}'])
def test_foreign_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bank.safetensors"
    path.write_bytes(data)
    with pytest.raises(CorruptTensorError):
        IdentityBank.load(path, model_hash="abc")


def test_cut_file_is_refused(make_bank: MakeBank, tmp_path: Path) -> None:
    path = tmp_path / "bank.safetensors"
    make_bank(1).save(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CorruptTensorError):
        IdentityBank.load(path, model_hash="abc")


def test_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bank.safetensors"
    with path.open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(CorruptTensorError):
        IdentityBank.load(path, model_hash="abc")


@pytest.mark.parametrize(
    "header",
    [
        {"format": "other"},
        {"version": "2"},
        {"model_hash": ""},
        {"metadata": "["},
        {"metadata": "[]"},
        {"metadata": json.dumps({"name": 1})},
    ],
)
def test_odd_header_is_refused(make_bank: MakeBank, tmp_path: Path, header: dict[str, str]) -> None:
    path = tmp_path / "bank.safetensors"
    make_bank(1).save(path)
    save_file(load_file(path), path, metadata={**HEADER, **header})
    with pytest.raises(CorruptTensorError):
        IdentityBank.load(path, model_hash="abc")


def _without(tensors: dict[str, torch.Tensor]) -> None:
    del tensors[next(name for name in tensors if name.startswith("values/"))]


def _unknown(tensors: dict[str, torch.Tensor]) -> None:
    tensors["extra"] = torch.zeros(1, 1)


def _nan(tensors: dict[str, torch.Tensor]) -> None:
    tensors["identity_tokens"][0, 0] = float("nan")


def _integer(tensors: dict[str, torch.Tensor]) -> None:
    tensors["identity_tokens"] = torch.zeros(3, 24, dtype=torch.int64)


def _cube(tensors: dict[str, torch.Tensor]) -> None:
    tensors["null_tokens"] = torch.zeros(3, 24, 1)


def _longer(tensors: dict[str, torch.Tensor]) -> None:
    name = next(name for name in tensors if name.startswith("keys/"))
    tensors[name] = torch.zeros(5, tensors[name].shape[1])


def _wider(tensors: dict[str, torch.Tensor]) -> None:
    tensors["null_tokens"] = torch.zeros(3, 25)


def _nothing(tensors: dict[str, torch.Tensor]) -> None:
    tensors.clear()


@pytest.mark.parametrize("spoil", [_without, _unknown, _nan, _integer, _cube, _longer, _wider, _nothing])
def test_malformed_tensors_are_refused(
    make_bank: MakeBank, tmp_path: Path, spoil: Callable[[dict[str, torch.Tensor]], None]
) -> None:
    path = tmp_path / "bank.safetensors"
    make_bank(1).save(path)
    tensors = load_file(path)
    spoil(tensors)
    save_file(tensors, path, metadata=HEADER)
    with pytest.raises(CorruptTensorError):
        IdentityBank.load(path, model_hash="abc")


def test_tokens_compile_through_the_frozen_projections(backbone: Backbone) -> None:
    tokens = torch.randn(8, backbone.context_dim, requires_grad=True)
    bank = IdentityBank.from_tokens(tokens, backbone.unet, model_hash=backbone.model_hash)
    layer = "mid_block.attentions.0.transformer_blocks.0.attn2"
    attention = backbone.unet.get_submodule(layer)
    assert torch.equal(bank.keys[layer], attention.to_k(tokens))
    assert torch.equal(bank.values[layer], attention.to_v(tokens))
    assert set(bank.keys) == set(backbone.cross_attention_layers)
    assert not any(tensor.any() for tensor in (*bank.null_keys.values(), *bank.null_values.values()))
    assert bank.null_tokens.shape == (0, backbone.context_dim)
    assert bank.token_count == 8
    sum(tensor.sum() for tensor in bank.values.values()).backward()
    assert tokens.grad is not None
    assert not any(tensor.requires_grad for tensor in bank.detach().tensors())


def test_null_tokens_compile_into_the_null_bank(backbone: Backbone) -> None:
    tokens, null_tokens = torch.randn(2, 4, backbone.context_dim).unbind()
    bank = IdentityBank.from_tokens(tokens, backbone.unet, model_hash="abc", null_tokens=null_tokens)
    swapped = IdentityBank.from_tokens(null_tokens, backbone.unet, model_hash="abc", metadata={"name": "x"})
    assert all(torch.equal(bank.null_keys[layer], swapped.keys[layer]) for layer in bank.keys)
    assert torch.equal(bank.null_tokens, null_tokens)
    assert swapped.metadata == {"name": "x"}


def test_blend_is_the_weighted_mean(make_bank: MakeBank) -> None:
    first, second = make_bank(1), make_bank(2)
    blended = blend_banks([first, second], [3.0, 1.0])
    expected = 0.75 * first.identity_tokens + 0.25 * second.identity_tokens
    assert torch.allclose(blended.identity_tokens, expected)
    assert_equal(blend_banks([first, second], [1.0, 0.0]), replace(first, metadata={}))


def test_blend_refuses_what_cannot_be_mixed(make_bank: MakeBank) -> None:
    first, second = make_bank(1), make_bank(2)
    with pytest.raises(InvalidSettingError):
        blend_banks([first, make_bank(3, tokens=4)], [1.0, 1.0])
    with pytest.raises(InvalidSettingError):
        blend_banks([first, second], [1.0, -1.0])
    with pytest.raises(InvalidSettingError):
        blend_banks([first, second], [1.0])
    with pytest.raises(InvalidSettingError):
        stack_banks([])
    other = replace(second, model_hash="other")
    with pytest.raises(BaseModelMismatchError):
        blend_banks([first, other], [1.0, 1.0])


def test_stack_puts_tokens_one_behind_the_other(make_bank: MakeBank) -> None:
    stacked = stack_banks([make_bank(1), make_bank(2, tokens=5)])
    assert stacked.token_count == 8
    assert stacked.identity_tokens.shape[0] == 8


def test_bank_at_stable_diffusion_dimensions_is_under_one_megabyte() -> None:
    widths = [320] * 5 + [640] * 5 + [1280] * 6
    tensors = 4 * sum(8 * width for width in widths) + 2 * 8 * 768
    assert tensors * 2 <= 1_000_000
