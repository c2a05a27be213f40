"""What goes wrong where a model's files are not whole, or not what they say they are."""

from __future__ import annotations


def broken_files() -> tuple[type[Exception], ...]:
    """What the libraries were seen to raise over cut and wrong weights, pointers of Git LFS in
    their place, and configurations of another kind; they have no error in common."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    return (
        SafetensorError,
        StrictDataclassError,
        OSError,
        RuntimeError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ImportError,
    )
