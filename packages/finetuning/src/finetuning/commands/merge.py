"""`finetuning merge`: an adapter and its base become one plain model."""

from pathlib import Path

from workbench import tell_next

from .settings import Merge


def merge(settings: Merge) -> int:
    """Write the merged model, and say how far it is from base and adapter apart. Returns 0.

    Raises ValueError or OSError for a folder that is no adapter, another base, and an --out that cannot be written.
    """
    import torch

    import gpt2

    from ..adapters import merged
    from ..files.chat import carry_chat_template
    from ..files.models import load_model
    from ..files.peft import load_adapter, read_adapter

    folder = settings.adapter / "adapter" if (settings.adapter / "run.json").is_file() else settings.adapter
    if not folder.is_dir():
        what = "no such folder" if not settings.adapter.is_dir() else "a run without adapter/: is it finished?"
        raise ValueError(f"{settings.adapter}: wanted an adapter, got {what}; name a finished run of `tune`")
    _, said = read_adapter(folder)
    source = settings.base or said
    if source is None:
        raise ValueError(f"--base: wanted the model of the adapter in {folder}, which does not say; name it")
    if settings.out.exists() and settings.out.resolve() == Path(source).expanduser().resolve():
        raise ValueError(f"--out {settings.out}: wanted another folder than the base's, got it; name a new one")
    base, tokenizer = load_model(source)
    model, adapter = load_adapter(folder, base)
    plain = merged(model)
    with torch.inference_mode():
        tokens = torch.arange(min(64, base.n_ctx))[None] % base.n_vocab
        distance = float((plain.eval()(tokens) - model.eval()(tokens)).abs().max())
    gpt2.save(settings.out, plain, tokenizer)
    carry_chat_template(folder, settings.out)
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    print(f"Adapter  {folder} ({adapter.method}, rank {adapter.rank}, {size / 1e6:.2f} MB)")
    print(f"Base     {source}")
    print(f"Merged   {settings.out}: logits within {distance:.1e} of base and adapter apart")
    tell_next("decoding", ["decoding", "generate", str(settings.out), "--prompt", "The"])
    return 0
