"""The two commands that the README promises, and the script that continuous integration runs."""

import re
from pathlib import Path

import pytest


def commands_under(heading: str, repository: Path) -> list[str]:
    text = (repository / "README.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    body = next(part for part in section if part.startswith(f"{heading}\n"))
    blocks = re.findall(r"^```bash\n(.*?)^```$", body, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return [line for line in blocks[0].splitlines() if line]


@pytest.mark.parametrize(("heading", "script"), [("Try it", ".ci/try"), ("Test it", ".ci/test")])
def test_each_section_holds_one_command_that_exists(heading: str, script: str, repository: Path) -> None:
    assert commands_under(heading, repository) == [f"bash {script}"]
    assert (repository / script).is_file()
