import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

import bot.requests
import storage.errors
import synid_engine.errors
from bot.errors import has_own_sentence, sentence
from synid_engine.errors import SynIDError

_EXAMPLES: dict[object, object] = {
    str: "x\ny",
    int: 3,
    float: 0.5,
    bool: True,
    object: "x",
    Path: Path("some file"),
}


def _leaves(kind: type[SynIDError]) -> list[type[SynIDError]]:
    below = kind.__subclasses__()
    return [leaf for one in below for leaf in _leaves(one)] if below else [kind]


def _all_leaves() -> list[type[SynIDError]]:
    for package in (synid_engine, storage, bot):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.name.rpartition(".")[2] in {"errors", "requests", "engine"}:
                importlib.import_module(module.name)
    return _leaves(SynIDError)


def _example(annotation: object) -> object:
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    if annotation in _EXAMPLES:
        return _EXAMPLES[annotation]
    return tuple(_EXAMPLES[kind] for kind in get_args(annotation) if kind is not Ellipsis)


def _made(kind: type[SynIDError]) -> SynIDError:
    if kind.__init__ is Exception.__init__:
        return kind()
    given: dict[str, object] = {}
    positional: list[object] = []
    for parameter in inspect.signature(kind).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            given[parameter.name] = _example(parameter.annotation)
        elif parameter.kind is not parameter.VAR_POSITIONAL and parameter.kind is not parameter.VAR_KEYWORD:
            positional.append(_example(parameter.annotation))
    if "reason" in given and kind is storage.errors.InvalidNameError:
        given["reason"] = "long"
    return kind(*positional, **given)


@pytest.mark.parametrize("kind", _all_leaves(), ids=lambda kind: kind.__name__)
def test_every_leaf_error_has_a_sentence_of_its_own(kind: type[SynIDError]) -> None:
    assert has_own_sentence(kind)
    words = sentence(_made(kind))
    assert words.isprintable()
    assert len(words) > 5


def test_every_reason_against_a_name_has_words() -> None:
    for reason in ("empty", "long", "unprintable", "path"):
        assert sentence(storage.errors.InvalidNameError(name="x\x00" * 99, reason=reason)).isprintable()


def test_error_type_without_words_falls_back_to_its_parent() -> None:
    class NewError(storage.errors.ProfileExistsError):
        pass

    assert "already" in sentence(NewError(name="Nova"))
