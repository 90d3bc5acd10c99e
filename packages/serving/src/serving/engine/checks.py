"""What is wrong with a job, said before it is taken."""

from decoding.requests.checks import check_prompt, check_row_settings

from ..jobs import Job
from .loading import Loaded


def check_job(job: Job, loaded: Loaded) -> None:
    """ValueError for prompts, settings and numbers of rows that the model or the engine cannot do."""
    if not job.prompts:
        raise ValueError("wanted one or more prompts, got none; give one")
    for number, prompt in enumerate(job.prompts, start=1):
        name = "the prompt" if len(job.prompts) == 1 else f"prompt {number} of {len(job.prompts)}"
        check_prompt(prompt, name, loaded.model)
    check_row_settings(job.settings, loaded.model, loaded.vocabulary, loaded.tokenizer.decode_bytes)
    if job.samples < 1:
        raise ValueError(f"wanted samples of 1 or more, got {job.samples}; ask for at least one")
    if job.candidates is not None:
        _check_candidates(job, job.candidates)
    if job.prompt_log_probabilities is not None and job.prompt_log_probabilities < 0:
        raise ValueError(f"wanted prompt_log_probabilities of 0 or more, got {job.prompt_log_probabilities}; use 0")
    if job.settings.beams > 1 and job.samples > job.settings.beams:
        raise ValueError(
            f"wanted at most as many samples as beams, got {job.samples} of {job.settings.beams} beams; "
            "ask for fewer, or for more beams"
        )


def _check_candidates(job: Job, candidates: int) -> None:
    if candidates < job.samples:
        raise ValueError(
            f"wanted at least as many candidates as samples, got {candidates} for {job.samples}; draw more, or ask for "
            "fewer"
        )
    if candidates > 1 and job.settings.is_greedy:
        raise ValueError(f"wanted settings that draw for {candidates} candidates, got temperature 0; set it above 0")
    if job.settings.beams > 1 or job.settings.penalty_alpha or job.settings.prompt_lookup_tokens or job.guidance:
        raise ValueError("wanted the plain loop for candidates, got another method; leave one of the two out")
    if job.choose == "consensus" and job.samples != 1:
        raise ValueError(f"wanted one sample to be chosen by consensus, got {job.samples}; ask for one")
