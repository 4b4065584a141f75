import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_python_example_of_the_readme_runs(tmp_path: Path) -> None:
    examples = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert len(examples) == 1
    assert len([line for line in examples[0].splitlines() if line]) <= 10
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", examples[0]], cwd=tmp_path, env=environment, check=True)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"nova", "nova-1.png", "nova-2.png"}
    assert {"bank.safetensors", "profile.json", "portrait.png"} <= {
        path.name for path in (tmp_path / "nova").iterdir()
    }
