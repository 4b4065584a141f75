"""Settings in memory."""

from collections.abc import Mapping

from storage.preferences import Preference, Scope


class MemoryPreferenceStore:
    """Settings as a dictionary."""

    def __init__(self) -> None:
        self._values: dict[tuple[Scope, int], dict[str, Preference]] = {}

    async def put(self, scope: Scope, subject_id: int, name: str, value: Preference) -> None:
        """See `PreferenceStore`."""
        self._values.setdefault((scope, subject_id), {})[name] = value

    async def of(self, scope: Scope, subject_id: int) -> Mapping[str, Preference]:
        """See `PreferenceStore`."""
        return dict(sorted(self._values.get((scope, subject_id), {}).items()))

    async def reset(self, scope: Scope, subject_id: int, name: str) -> None:
        """See `PreferenceStore`."""
        self._values.get((scope, subject_id), {}).pop(name, None)

    async def forget(self, scope: Scope, subject_id: int) -> None:
        """See `PreferenceStore`."""
        self._values.pop((scope, subject_id), None)
