"""llama.cpp's C functions, as the shared library in xllamacpp's wheel exports them.

The wheel installs in seconds where llama-cpp-python wants a compiler, and its Python face gives no logits, so its library is called through
ctypes. The layouts below are those of `include/llama.h` in exactly one version of the wheel; they are tried before use: the version by its
name, the layouts by the default values that the library itself fills in.
"""

import ctypes
from ctypes import CFUNCTYPE, c_bool, c_char_p, c_float, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from kubestill.ground.errors import Unavailable

VERSION = "2026.10.11549"
INSTALL = f"pip install 'xllamacpp=={VERSION}'"
LOG_ERROR = 4  # GGML_LOG_LEVEL_ERROR
F32 = 0  # GGML_TYPE_F32


class ModelParams(ctypes.Structure):
    """`struct llama_model_params`."""

    _fields_ = (
        *((name, c_void_p) for name in ("devices", "tensor_buft_overrides")),
        *((name, c_int32) for name in ("n_gpu_layers", "split_mode", "load_mode", "lazy_mode", "main_gpu")),
        *((name, c_void_p) for name in ("tensor_split", "progress_callback", "progress_data", "kv_overrides")),
        *((name, c_bool) for name in ("vocab_only", "check_tensors", "use_extra_bufts", "no_host", "no_alloc", "load_mtp")),
    )


class ContextParams(ctypes.Structure):
    """`struct llama_context_params`."""

    _fields_ = (
        *((name, c_uint32) for name in ("n_ctx", "n_batch", "n_ubatch", "n_seq_max", "n_rs_seq", "n_outputs_max", "n_outputs_per_seq")),
        *((name, c_int32) for name in ("n_threads", "n_threads_batch", "ctx_type")),
        *((name, c_int32) for name in ("rope_scaling_type", "pooling_type", "attention_type", "flash_attn_type")),
        *((name, c_float) for name in ("rope_freq_base", "rope_freq_scale", "yarn_ext_factor", "yarn_attn_factor")),
        *((name, c_float) for name in ("yarn_beta_fast", "yarn_beta_slow")),
        ("yarn_orig_ctx", c_uint32),
        ("defrag_thold", c_float),
        *((name, c_void_p) for name in ("cb_eval", "cb_eval_data")),
        *((name, c_int32) for name in ("type_k", "type_v")),
        *((name, c_void_p) for name in ("abort_callback", "abort_data", "unnamed")),  # which of the three is new does not matter: all NULL
        *((name, c_bool) for name in ("embeddings", "offload_kqv", "no_perf", "op_offload", "swa_full", "kv_unified")),
        ("samplers", c_void_p),
        ("n_samplers", c_size_t),
        ("ctx_other", c_void_p),
    )


class Batch(ctypes.Structure):
    """`struct llama_batch`: the arrays belong to whoever fills them."""

    _fields_ = (
        ("n_tokens", c_int32),
        *((name, c_void_p) for name in ("token", "embd", "pos", "n_seq_id", "seq_id", "logits")),
    )


# What the library fills in: bytes that are not these mean another layout.
MODEL_DEFAULTS = {"n_gpu_layers": -1, "split_mode": 1, "load_mode": -1, "lazy_mode": 1, "use_extra_bufts": True, "no_alloc": False}
CONTEXT_DEFAULTS = {
    **{"n_ctx": 512, "n_batch": 2048, "n_ubatch": 512, "n_seq_max": 1, "n_outputs_max": 0, "n_outputs_per_seq": 1},
    **{"n_threads": 4, "n_threads_batch": 4, "flash_attn_type": -1, "yarn_beta_slow": -1.0, "defrag_thold": -1.0, "type_k": 1, "type_v": 1},
    **{"embeddings": False, "offload_kqv": True, "no_perf": True, "swa_full": True, "kv_unified": False, "samplers": None, "n_samplers": 0},
}
SIZES = {ModelParams: 80, ContextParams: 168, Batch: 56}

LogCallback = CFUNCTYPE(None, c_int32, c_char_p, c_void_p)

_SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "llama_model_default_params": (ModelParams, ()),
    "llama_context_default_params": (ContextParams, ()),
    "llama_backend_init": (None, ()),
    "llama_log_set": (None, (LogCallback, c_void_p)),
    "llama_model_load_from_file": (c_void_p, (c_char_p, ModelParams)),
    "llama_model_free": (None, (c_void_p,)),
    "llama_init_from_model": (c_void_p, (c_void_p, ContextParams)),
    "llama_free": (None, (c_void_p,)),
    "llama_decode": (c_int32, (c_void_p, Batch)),
    "llama_set_n_threads": (None, (c_void_p, c_int32, c_int32)),
    "llama_get_logits": (c_void_p, (c_void_p,)),
    "llama_get_memory": (c_void_p, (c_void_p,)),
    "llama_memory_seq_rm": (c_bool, (c_void_p, c_int32, c_int32, c_int32)),
    "llama_memory_seq_cp": (None, (c_void_p, c_int32, c_int32, c_int32, c_int32)),
    "llama_model_get_vocab": (c_void_p, (c_void_p,)),
    "llama_model_n_ctx_train": (c_int32, (c_void_p,)),
    "llama_model_ftype": (c_int32, (c_void_p,)),
    "llama_model_n_params": (c_int64, (c_void_p,)),
    "llama_vocab_n_tokens": (c_int32, (c_void_p,)),
    "llama_vocab_eos": (c_int32, (c_void_p,)),
    "llama_vocab_eot": (c_int32, (c_void_p,)),
    "llama_tokenize": (c_int32, (c_void_p, c_char_p, c_int32, c_void_p, c_int32, c_bool, c_bool)),
}


class Complaints:
    """Takes what llama.cpp logs, since nothing of it belongs on a person's screen, and keeps the last errors for a message."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.callback = LogCallback(self._take)  # kept: the library does not

    def _take(self, level: int, text: bytes | None, _: object) -> None:
        if level == LOG_ERROR and text:
            self.lines = [*self.lines[-4:], text.decode("utf-8", "replace").strip()]

    def last(self) -> str:
        """Return the first of the last errors, which is the cause of those after it, and forget them all."""
        lines, self.lines = self.lines, []
        return lines[0] if lines else "llama.cpp does not say why"


class Library:
    """The loaded library; every function in `_SIGNATURES` is an attribute of `calls`."""

    def __init__(self, path: Path) -> None:
        self.calls = ctypes.CDLL(str(path))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self.calls, name)
            function.restype, function.argtypes = result, arguments
        self.complaints = Complaints()
        self.calls.llama_log_set(self.complaints.callback, None)
        self.calls.llama_backend_init()

    def model_params(self) -> ModelParams:
        """Return the library's own defaults."""
        found: ModelParams = self.calls.llama_model_default_params()
        return found

    def context_params(self) -> ContextParams:
        """Return the library's own defaults."""
        found: ContextParams = self.calls.llama_context_default_params()
        return found


@cache
def library() -> Library:
    """Load the library, once a process.

    Raises:
        Unavailable: xllamacpp is not there, or is another version than the layouts are known for.
    """
    try:
        found = version("xllamacpp")
    except PackageNotFoundError:
        raise Unavailable("the engine llama_cpp needs xllamacpp", "pip install --upgrade kubestill") from None
    if found != VERSION:
        raise Unavailable(f"the engine llama_cpp calls xllamacpp {VERSION}, found {found}", INSTALL)
    spec = find_spec("xllamacpp")
    folders = spec.submodule_search_locations if spec else None
    paths = [path for folder in folders or () for path in sorted(Path(folder).glob("xllamacpp*.so"))]
    if not paths:
        raise Unavailable(f"xllamacpp {VERSION} is here without its library", INSTALL)
    try:
        loaded = Library(paths[0])
    except (OSError, AttributeError) as error:
        raise Unavailable(f"the library of xllamacpp {VERSION} does not load here ({error})", INSTALL) from None
    check_layouts(loaded)
    return loaded


def check_layouts(loaded: Library) -> None:
    """Hold the library's default values against those that the layouts above would show.

    Raises:
        Unavailable: they differ; calling it would write where nobody knows.
    """
    sizes = all(ctypes.sizeof(layout) == size for layout, size in SIZES.items())
    model, context = loaded.model_params(), loaded.context_params()
    model_fits = all(getattr(model, name) == value for name, value in MODEL_DEFAULTS.items())
    if not (sizes and model_fits and all(getattr(context, name) == value for name, value in CONTEXT_DEFAULTS.items())):
        raise Unavailable(f"the library of xllamacpp {VERSION} is laid out in another way than its release for Linux", INSTALL)
