"""CUDA source, compiled when it is needed by the compiler that comes with torch: NVRTC, which wants no toolkit."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any


def cubin(source: str, capability: tuple[int, int], defined: dict[str, str]) -> bytes:
    """The machine code of `source` for a GPU. Raises OSError without NVRTC, and RuntimeError with what it says."""
    nvrtc = _library()
    options = [f"--gpu-architecture=sm_{capability[0]}{capability[1]}"]
    options += [f"--define-macro={name}={value}" for name, value in defined.items()]
    program = ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None)
    try:
        taken = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        if nvrtc.nvrtcCompileProgram(program, len(options), taken):
            said = _content(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
            raise RuntimeError(said.rstrip(b"\0").decode())
        return _content(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _library() -> Any:
    """NVRTC of the CUDA that torch was built with."""
    import torch

    if torch.version.cuda is None:
        raise OSError("torch was built without CUDA")
    try:  # torch has loaded it from the wheels that come with it, so its bare name is enough
        return ctypes.CDLL(f"libnvrtc.so.{torch.version.cuda.partition('.')[0]}")
    except OSError:  # torch's own library is linked with it, and knows where it lies
        return ctypes.CDLL(str(Path(torch.__file__).with_name("lib") / "libcaffe2_nvrtc.so"))


def _content(size_of: Any, get: Any, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    get(program, buffer)
    return buffer.raw
