import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def _instructions(text: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def test_dockerfile_has_the_steps_of_make_demo() -> None:
    lines = _instructions((ROOT / "Dockerfile").read_text())
    recipe = re.search(r"^demo: install\n\t@(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert recipe[1] == '$(VENV_PYTHON) -m bot demo --out "$(OUT)"'
    assert "ARG TARGET=install" in lines
    assert 'RUN make "$TARGET" TORCH_INDEX="$TORCH_INDEX"' in lines
    assert 'ENTRYPOINT [".venv/bin/python", "-m", "bot"]' in lines
    assert lines[-1].startswith('CMD ["demo", "--out", ')


def test_image_for_a_gpu_has_what_compiles_and_keeps_what_was_compiled() -> None:
    lines = _instructions((ROOT / "Dockerfile").read_text())
    served = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    [packages] = [line for line in served if line.startswith("RUN apt-get")]
    words = packages.removeprefix("RUN ").replace("apt-get", "echo").partition("&& rm")[0]

    def installed(target: str) -> set[str]:
        done = subprocess.run(
            ["sh", "-c", words],  # noqa: S607
            env={"PATH": "/usr/bin:/bin", "TARGET": target},
            capture_output=True,
            check=True,
            text=True,
        )
        return set(done.stdout.split())

    assert {"gcc", "libc6-dev", "python3-dev"} <= installed("install-gpu")
    assert "gcc" not in installed("install")
    assert "ARG TARGET" in served
    [settings] = [line for line in served if line.startswith("ENV ")]
    [volumes] = [json.loads(line.removeprefix("VOLUME ")) for line in served if line.startswith("VOLUME ")]
    kept = dict(word.split("=") for word in settings.split()[1:])["TORCHINDUCTOR_CACHE_DIR"]
    assert str(Path(kept).parent) in volumes


def test_steps_of_the_image_can_be_tried_on_every_base_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loader = SourceFileLoader("container_steps", str(ROOT / ".ci" / "container-steps"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    steps = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, loader.name, steps)  # dataclasses look there
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(steps)
    made: list[list[str]] = []
    monkeypatch.setattr(steps.subprocess, "run", lambda words, **_: made.append(words))
    bases = re.findall(r"BASE=(\S+)", (ROOT / "Dockerfile").read_text())
    assert len(bases) == 2
    for base in bases:
        steps.make_root(base, tmp_path)
    assert [("bookworm" in words, "noble" in words) for words in made] == [(False, True), (True, False)]
    with pytest.raises(SystemExit, match="only these bases"):
        steps.make_root("alpine:3", tmp_path)


def test_dockerfile_ends_without_root() -> None:
    users = [line for line in _instructions((ROOT / "Dockerfile").read_text()) if line.startswith("USER ")]
    assert users
    assert users[-1] not in {"USER root", "USER 0"}


def test_image_holds_nothing_that_git_ignores() -> None:
    def patterns(name: str) -> set[str]:
        lines = (ROOT / name).read_text().splitlines()
        return {line.removeprefix("**/").rstrip("/") for line in lines if line and not line.startswith("#")}

    ignored = patterns(".gitignore")
    assert ".env*" in ignored  # holds Discord's token, and the Dockerfile copies the whole folder
    assert ignored <= patterns(".dockerignore")


def test_compose_serves_the_bot_as_the_dockerfile_makes_it() -> None:
    lines = _instructions((ROOT / "Dockerfile").read_text())
    described = yaml.safe_load((ROOT / "compose.yaml").read_text())
    [service] = described["services"].values()
    arguments = {line.split()[1].partition("=")[0] for line in lines if line.startswith("ARG ")}
    assert service["build"]["args"].keys() <= arguments
    [volumes] = [json.loads(line.removeprefix("VOLUME ")) for line in lines if line.startswith("VOLUME ")]
    mounted = dict(one.split(":") for one in service["volumes"])
    assert mounted.keys() == described["volumes"].keys()
    assert set(mounted.values()) == set(volumes)
    assert service["command"] == ["bot"]
    assert service["env_file"] == [{"path": ".env", "required": False}]


def test_torch_is_pinned_and_every_other_version_bounded() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "torch==2.13.0" in project["dependencies"]
    for requirement in project["dependencies"]:
        assert re.search(r"==|>=.*,<", requirement), requirement


@pytest.mark.parametrize("package", ["controlnet_aux", "insightface"])
def test_tests_beside_another_package_are_run_with_it(package: str) -> None:
    lists = dict(re.findall(r"^SD15_(\w+) := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert f"{package.replace('_', '-')}==" in lists["PACKAGES"]
    skips = re.compile(rf'(importorskip\(|find_spec\()"{package}')
    beside = [one for one in (ROOT / "tests").rglob("test_*.py") if skips.search(one.read_text("utf-8"))]
    assert beside
    assert {str(one.relative_to(ROOT)) for one in beside} <= set(lists["TESTS"].split())


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_missing_python_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    done = subprocess.run(
        ["make", "install", "PYTHONS=python2 no-such-python"],  # noqa: S607
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(told) == 1
    assert "3.11" in told[0]
    assert not (folder / ".venv").exists()


def test_tables_of_the_pages_are_those_of_the_results() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "tables.py"), "--check"], check=False, timeout=60
    )
    assert done.returncode == 0, "run: python benchmarks/tables.py"
