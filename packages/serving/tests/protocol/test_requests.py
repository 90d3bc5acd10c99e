"""The structs of bodies: all that `GenerationSettings` has can be asked for."""

from dataclasses import fields

from decoding import GenerationSettings
from serving.protocol.openapi import document
from serving.protocol.requests import OTHER_FORMS, OTHER_NAMES, SETTINGS, CompletionRequest


def test_every_setting_has_a_field_under_its_own_name_or_openais():
    asked = {*CompletionRequest.__struct_fields__, *SETTINGS}
    for one in fields(GenerationSettings):
        assert OTHER_NAMES.get(one.name, one.name) in asked
    assert set(OTHER_FORMS) <= set(CompletionRequest.__struct_fields__)


def test_no_setting_is_asked_for_under_two_names():
    assert not set(CompletionRequest.__struct_fields__) & set(SETTINGS)
    assert not set(OTHER_NAMES) & {*CompletionRequest.__struct_fields__, *SETTINGS}


def test_settings_bring_the_sentences_of_their_class():
    told = document()["components"]["schemas"]["CompletionRequest"]["properties"]
    assert told["min_p"]["description"].startswith("Draw among tokens at least this share as likely")
