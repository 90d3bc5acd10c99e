"""What bends the model's own choice: biases, forms that every text has to match, guidance."""

import json
from collections.abc import Mapping

from ..jobs import Form, Guidance
from ..status import Served
from .limits import Limits, check_most
from .prompts import ids_of_text
from .refusals import Refused, wrong
from .requests import Asked, ChatRequest


def biases(given: Mapping[str, float | int] | None) -> tuple[tuple[tuple[int, ...], float], ...]:
    """`logit_bias` as settings hold it; a key is an id, or several: the last is biased where the others just came."""
    pairs = []
    for key, bias in (given or {}).items():
        ids = key.split(",")
        if not all(one.isascii() and one.isdecimal() and len(one) < 10 for one in ids):
            raise wrong(
                "logit_bias", f'wanted ids as keys, such as "95" or "12,95", got {key[:40]!r}; /v1/tokenize gives ids'
            )
        pairs.append((tuple(int(one) for one in ids), float(bias)))
    return tuple(pairs)


def form_of(request: Asked, limits: Limits) -> Form | None:
    """The form of every text: 400 for more than one, or for one too long."""
    schema = request.json_schema
    forms: dict[str, str | None] = {
        "regex": request.regex,
        "json_schema": schema if schema is None or isinstance(schema, str) else json.dumps(schema),
        "grammar": request.grammar,
    }
    asked = {name: text for name, text in forms.items() if text is not None}
    if len(asked) > 1:
        raise Refused(f"wanted one form for the text, got {' and '.join(asked)}; choose one", param=next(iter(asked)))
    for name, text in asked.items():
        check_most(name, len(text), limits.form_characters, "characters")
        return Form(name, text)  # type: ignore[arg-type]
    return None


def response_form(request: ChatRequest, form: Form | None, limits: Limits) -> Form | None:
    """The form of a chat's answer: `form`, or what `response_format` asks for."""
    asked = request.response_format
    if asked is None or asked.type == "text":
        return form
    if form is not None:
        raise wrong("response_format", f"wanted one form, got {form.kind} too; choose one")
    if asked.type == "json_object":
        return Form("json_schema", '{"type": "object"}')
    schema = (asked.json_schema or {}).get("schema")
    if not isinstance(schema, dict):
        raise wrong(
            "response_format", 'wanted {"type": "json_schema", "json_schema": {"schema": {…}}}, got no schema; give it'
        )
    check_most("response_format", len(text := json.dumps(schema)), limits.form_characters, "characters")
    return Form("json_schema", text)


def guidance(request: Asked, served: Served) -> Guidance | None:
    """Classifier-free guidance, where it is asked for."""
    if request.guidance_scale == 1:
        if request.negative_prompt is not None:
            raise wrong("negative_prompt", "wanted guidance_scale with it, got none; 1.5 is usual")
        return None
    negative = request.negative_prompt
    if negative is None:
        return Guidance(float(request.guidance_scale))
    return Guidance(float(request.guidance_scale), ids_of_text(negative, served, "negative_prompt"))
