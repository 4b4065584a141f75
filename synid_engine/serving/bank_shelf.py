"""The banks that pictures are drawn with: read from the weights folder, checked, and kept for a while."""

import hashlib
from collections import OrderedDict
from pathlib import Path

from synid_engine.errors import CorruptTensorError, InvalidSettingError, MissingTensorError
from synid_engine.identity.bank import IdentityBank
from synid_engine.serving.spool import TENSORS

MOST_BANKS = 256


class BankShelf:
    """Banks by the SHA-256 of their files, which are never changed; the least recently used makes room.

    Args of its maker:
        folder: Holds `ab/<sha256>.safetensors`, where `ab` are the first two digits.
        model_hash: The base model; banks of others are refused.
        most: Banks in memory.
    """

    def __init__(self, folder: Path, *, model_hash: str, most: int = MOST_BANKS) -> None:
        if most < 1:
            raise InvalidSettingError(field="most", value=most, allowed="1 or more")
        self._folder, self._model_hash, self._most = folder, model_hash, most
        self._banks: OrderedDict[str, IdentityBank] = OrderedDict()

    def __len__(self) -> int:
        return len(self._banks)

    def get(self, digest: str) -> IdentityBank:
        """Return a bank.

        Raises:
            MissingTensorError: It is not in the folder.
            CorruptTensorError: The file is not what its name says, or no bank.
            BaseModelMismatchError: It was made for another base model.
        """
        found = self._banks.get(digest)
        if found is None:
            found = self._read(digest)
            self._banks[digest] = found
            while len(self._banks) > self._most:
                self._banks.popitem(last=False)
        self._banks.move_to_end(digest)
        return found

    def _read(self, digest: str) -> IdentityBank:
        path = self._folder / digest[:2] / f"{digest}{TENSORS}"
        try:
            with path.open("rb") as file:
                actual = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise MissingTensorError(path=path) from error
        if actual != digest:
            raise CorruptTensorError(path=path, detail="it is not what its name says")
        return IdentityBank.load(path, model_hash=self._model_hash)
