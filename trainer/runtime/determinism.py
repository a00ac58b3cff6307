"""All of TensorFlow's global switches.

There are two layers: environment variables with which a training process must be started, and switches that
the process sets once.
"""

import os
import platform
import sys
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Literal

from trainer.fits.environment import Switch
from trainer.fits.specs import PROCEDURE, FitSpec
from trainer.runtime.python_process import import_environment

#: Variables to be set before Python starts; docs/reproducibility.md says what each of them does to the bits.
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
}

#: Variables to be set before Python starts that only save time.
MEMORY = {
    # The process keeps its memory from step to step. By default glibc returns every array above 32 MiB to the
    # system and fetches it again, page by page. With one of the two variables alone, or with the values that
    # Dask's nanny sets, it does so with every array above 128 KiB: a sweep on digits took a fifth longer.
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
}

#: Variables that must not be set: each of them can select other kernels, and so other bits.
FORBIDDEN = (
    "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_CPU_ISA_HINTS",
    "DNNL_CPU_ISA_HINTS",
    "TF_SET_ONEDNN_FPMATH_MODE",
    "NPY_DISABLE_CPU_FEATURES",
    "OPENBLAS_CORETYPE",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "TF_DETERMINISTIC_OPS",
    "TF_CUDNN_DETERMINISTIC",
    "TF_ENABLE_AUTO_MIXED_PRECISION",
    "TF_DETERMINISTIC_ORDER",
    "NVIDIA_TF32_OVERRIDE",
)


@dataclass(frozen=True, slots=True)
class Device:
    """The device that a process trains on.

    Attributes:
        kind: ``"cpu"`` or ``"gpu"``.
        visible: the value of ``CUDA_VISIBLE_DEVICES``: the one GPU that the process sees, or ``"-1"``
            for none.
    """

    kind: Literal["cpu", "gpu"] = "cpu"
    visible: str = "-1"

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables to be set before Python starts."""
        if self.kind == "cpu":
            return ENVIRONMENT | MEMORY
        # Without memory growth TensorFlow would take all memory of a GPU, which others may share.
        growth = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
        return ENVIRONMENT | MEMORY | growth | {"CUDA_VISIBLE_DEVICES": self.visible}


#: No GPU.
CPU = Device()

#: The environment variable that tells a training process the kind of its device.
DEVICE = "REFOLD_DEVICE"

#: The switches that ``prepare`` sets, as ``switches`` reports them.
SWITCHES: dict[str, Switch] = {
    "intra_op_threads": 1,
    "inter_op_threads": 1,
    "op_determinism": True,
    "onednn": platform.machine() in ("x86_64", "AMD64"),  # TensorFlow has oneDNN on these only
    "xla": False,
    "gpus": 0,
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
}


def training_environment(device: Device = CPU) -> dict[str, str]:
    """Return the environment of a training process: this one's, with the variables that decide bits fixed."""
    inherited = {name: value for name, value in import_environment().items() if name not in FORBIDDEN}
    return inherited | device.variables | {DEVICE: device.kind}


def in_training_process() -> bool:
    """Whether this process was started with ``training_environment()``. A coordinator never is."""
    return DEVICE in os.environ


def device() -> Device:
    """Return the device that this process was started for."""
    if os.environ.get(DEVICE) == "gpu":
        return Device("gpu", os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    return CPU


@cache
def prepare() -> None:
    """Import TensorFlow and set its switches, once in a process.

    Raises:
        RuntimeError: if the process was not started with ``training_environment()``.
    """
    wrong = [name for name, value in device().variables.items() if os.environ.get(name) != value]
    wrong += [name for name in FORBIDDEN if name in os.environ]
    if wrong:
        raise RuntimeError(f"this process was not started for training: {', '.join(wrong)} differ")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    if device().kind == "gpu":
        _prepare_gpu(tf)
    import keras

    settle_keras()
    keras.config.disable_traceback_filtering()


def settle_keras() -> None:
    """Set Keras' global settings, so that neither a keras.json nor an earlier network decides bits."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")


def _prepare_gpu(tensorflow: ModuleType) -> None:
    seen = tensorflow.config.list_physical_devices("GPU")
    if len(seen) != 1:
        raise RuntimeError(
            f"this process should train on GPU {device().visible} and sees {len(seen)}: is TensorFlow "
            "installed with CUDA, and does the driver fit?"
        )
    # Fits compute in float32; NVIDIA's TF32 would round the factors to 10 bits.
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)


def gpu_kind() -> str:
    """Return the kind of this process's GPU, with its CUDA and cuDNN; "" before ``prepare``."""
    if device().kind == "cpu" or "tensorflow" not in sys.modules:
        return ""
    import tensorflow as tf

    (gpu,) = tf.config.list_physical_devices("GPU")
    details, built = tf.config.experimental.get_device_details(gpu), tf.sysconfig.get_build_info()
    libraries = f"CUDA {built.get('cuda_version', '?')}, cuDNN {built.get('cudnn_version', '?')}"
    return f"{details.get('device_name', 'unknown')}, {libraries}"


def switches() -> dict[str, Switch]:
    """Return the switches as TensorFlow and Keras report them; empty before ``prepare``."""
    if "tensorflow" not in sys.modules:
        return {}
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.config import is_op_determinism_enabled
    from tensorflow.python.util import _pywrap_util_port as ports

    return {
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "op_determinism": bool(is_op_determinism_enabled()),
        "onednn": bool(ports.IsMklEnabled()),
        "xla": bool(tf.config.optimizer.get_jit()),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "backend": keras.config.backend(),
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "dtype_policy": keras.config.dtype_policy().name,
    }


def check(spec: FitSpec) -> None:
    """Check that this process can give the bits that a spec asks for.

    Raises:
        RuntimeError: if a version or the processor differs; the message names it.
    """
    here = {"precision": "float32", "threads": 1, "device": device().kind, "procedure": PROCEDURE}
    for name, value in here.items():
        if getattr(spec, name) != value:
            raise RuntimeError(f"the fit asks for {name} {getattr(spec, name)!r}, this worker has {value!r}")
