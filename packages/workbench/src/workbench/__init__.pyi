from .byte_alphabet import (
    BYTE_OF_CHARACTER as BYTE_OF_CHARACTER,
    CHARACTER_OF_BYTE as CHARACTER_OF_BYTE,
    spell as spell,
    unspell as unspell,
)
from .commands import answered as answered, parsed as parsed, plain as plain
from .counting import (
    PlainLines as PlainLines,
    Progress as Progress,
    Whole as Whole,
    counted as counted,
    shown as shown,
    unwatched as unwatched,
    watched as watched,
)
from .faults.disk_record import DiskRecord as DiskRecord, lay_out as lay_out, recorded_disk as recorded_disk
from .faults.verdicts import Broken as Broken, BrokenClaim as BrokenClaim, Held as Held
from .files.cache import cache_folder as cache_folder
from .files.claims import (
    Hold as Hold,
    InUse as InUse,
    claimed_folder as claimed_folder,
    hold as hold,
    is_vacant as is_vacant,
)
from .files.digests import digest as digest, file_digest as file_digest
from .files.durable import (
    give_usual_mode as give_usual_mode,
    is_full as is_full,
    make_folder as make_folder,
    replace_files as replace_files,
    sync as sync,
    whole_file as whole_file,
    write_text as write_text,
)
from .files.field_kinds import check_kinds as check_kinds
from .files.json_lines import (
    json_objects as json_objects,
    parse_object as parse_object,
    read_json_lines as read_json_lines,
    read_object as read_object,
)
from .files.paths import expanded as expanded, with_expanded_paths as with_expanded_paths
from .files.resumable import (
    check_same as check_same,
    finished_lines as finished_lines,
    finite as finite,
    line_writer as line_writer,
    lines_left as lines_left,
)
from .files.texts import (
    check_several as check_several,
    decode_utf8 as decode_utf8,
    fits_utf8 as fits_utf8,
    many as many,
    read_utf8 as read_utf8,
    shorten as shorten,
    split_lines as split_lines,
)
from .files.toml import line_of as line_of, parse_toml as parse_toml
from .files.whole_folders import (
    replace_folder as replace_folder,
    saved_over as saved_over,
    whole_folder as whole_folder,
)
from .imports.extras import require as require
from .imports.faces import face as face
from .next_command import in_workspace as in_workspace, next_lines as next_lines, tell_next as tell_next, typed as typed
from .output import Unfailing as Unfailing, unfailing_output as unfailing_output
from .pictures import check_picture as check_picture
from .shown_tokens import drawable as drawable, legend as legend, shown_token as shown_token
from .slips import nearest as nearest, slip as slip, unframed as unframed
from .threads import spin_briefly as spin_briefly

__version__: str
