"""`finetuning compare`: before and after, in one table of differences."""

from .settings import Compare
from .telling import LABEL, fitted, say, signed

WIDTH = 60


def compare(settings: Compare) -> int:
    """Print what both make of the task and of the old text, with the interval of each difference. Returns 0.

    Raises ValueError or OSError for what cannot be opened or compared.
    """
    from workbench import next_lines

    from ..comparing.learned import learned_from
    from ..comparing.measures import Measure, old_text, task_measures
    from ..comparing.subjects import adapter_folder, run_settings, subject

    before, after = subject(settings.before), subject(settings.after)
    run = run_settings(settings.after)
    measures = task_measures(before, after, run, settings.data)
    old = old_text(before, after)
    lines = [
        f"Before  {settings.before}",
        f"After   {settings.after}",
        "",
        f"{'':<{LABEL}}{'before':>9}{'after':>9}{'change':>9}   95 % interval",
    ]
    for measure in (*measures, Measure("old text, bits a byte", old.found)):
        found = measure.found
        low, high = found.difference.low, found.difference.high
        interval = "none from one" if low is None or high is None else f"{signed(low)} to {signed(high)}"
        lines.append(
            f"{measure.name:<{LABEL}}{found.second.value:>9.3f}{found.first.value:>9.3f}"
            f"{signed(found.difference.value):>9}   {interval}"
        )
    for measure in measures:
        found = measure.found
        if measure.name.startswith(("accuracy", "written", "chosen likelier")):
            better, worse = found.first_higher, found.second_higher
            counts = f"{better:,} right now and not before, {worse:,} before and not now"
            of_all = f"Of {better + worse + found.ties:,}: {counts}; exact sign test p = {found.p_value:.3g}"
            lines += ["", fitted(of_all)]
    if settings.data is not None:
        for name, side, made_by in (("BEFORE", before, run_settings(settings.before)), ("AFTER", after, run)):
            learned, asked = learned_from(side, made_by, settings.data)
            if learned:
                told = f"{name} learned from {learned:,} of the {asked:,} records, so this says little of new ones."
                cure = " Leave --data out for those that it held out." if name == "AFTER" else ""
                lines += ["", fitted(told + cure)]
    if old.most:
        lines += ["", "Forgotten most, bits a byte:"]
        for text, was, now in old.most:
            words = " ".join(text.split())
            lines.append(f"  {was:.3f} to {now:.3f}  {words[:WIDTH]}{'…' if len(words) > WIDTH else ''}")
    if not measures:
        lines += ["", "No task: give its records with --data, or a run as AFTER."]
    say("\n".join(lines))
    next_words = ["evaluation", "compare", settings.before, settings.after, "--text", "FILE"]
    if after.classifier is not None:
        next_words = ["finetuning", "label", settings.after, "FILE"]
    elif adapter_folder(settings.after) is not None:  # no other command opens one
        next_words = ["finetuning", "merge", settings.after, "--out", f"{settings.after}-merged"]
    say("\n" + next_lines(next_words[0], next_words))
    return 0
