"""Chat templates on disk: ours as JSON, and Hugging Face's, beside a tokenizer, where other programs look for it."""

import json
import shutil
from pathlib import Path
from typing import Any

from workbench import read_object, write_text

from ..templates import Template

CONFIGURATION = "tokenizer_config.json"
ALONE = "chat_template.jinja"
"""Where newer versions of transformers keep it."""


def read_template(path: str | Path) -> Template:
    """A template in a JSON file: {"system": [before, after], "user": [before, after], "assistant": before}, of which
    any may be left out. ValueError for anything else."""
    content = read_object(path)
    if strangers := sorted(content.keys() - {"system", "user", "assistant"}):
        raise ValueError(f"{path}: wanted system, user and assistant, got {', '.join(strangers)}; rename them")
    for role, value in content.items():
        pair = isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)
        if not (isinstance(value, str) if role == "assistant" else pair):
            wanted = "the text before an answer" if role == "assistant" else "[text before, text after]"
            raise ValueError(f"{path}: {role}: wanted {wanted}, got {value!r}; correct it")
    given: dict[str, Any] = {role: value if isinstance(value, str) else tuple(value) for role, value in content.items()}
    try:
        return Template(**given)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def jinja(template: Template) -> str:
    """The template in Jinja, as `apply_chat_template` of transformers' tokenizers takes it."""
    words = "message['content'] | trim"

    def turn(role: str, before: str, after: str) -> str:
        return f"message['role'] == '{role}' %}}{{{{- {_quoted(before)} + ({words}) + {after} }}}}"

    return (
        "{%- for message in messages %}"
        f"{{%- if {turn('system', template.system[0], _quoted(template.system[1]))}"
        f"{{%- elif {turn('user', template.user[0], _quoted(template.user[1]))}"
        f"{{%- elif {turn('assistant', template.assistant, 'eos_token')}"
        "{%- else %}{{- raise_exception('wanted the roles system, user and assistant') }}{%- endif %}{%- endfor %}"
        f"{{%- if add_generation_prompt %}}{{{{- {_quoted(template.assistant.rstrip())} }}}}{{%- endif %}}"
    )


def write_chat_template(folder: Path, template: str) -> None:
    """Put a Jinja template into the configuration of the tokenizer whose files are in a folder."""
    content: dict[str, Any] = read_object(folder / CONFIGURATION) | {"chat_template": template}
    write_text(folder / CONFIGURATION, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def carry_chat_template(source: Path, target: Path) -> bool:
    """Copy the template of one folder to another that has a tokenizer of its own; whether there was one."""
    configuration = source / CONFIGURATION
    if (source / ALONE).is_file():
        shutil.copyfile(source / ALONE, target / ALONE)
        return True
    template = read_object(configuration).get("chat_template") if configuration.is_file() else None
    if isinstance(template, str):
        write_chat_template(target, template)
    return isinstance(template, str)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
