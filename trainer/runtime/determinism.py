"""TensorFlow's global switches, all of them, in one place.

Two layers: the environment a training process must be born with, and what is switched on once inside it.
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

#: What has to be set before Python starts; docs/reproducibility.md has what each of them does to the bits.
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

#: What has to be set before Python starts for the sake of time alone.
MEMORY = {
    # Memory stays with the process from step to step. By itself glibc would hand every array above 32 MiB
    # back to the system and fetch it again, page by page; with what Dask's nanny sets, or with one of the two
    # alone, every array above 128 KiB: a sweep on digits took a fifth longer.
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
}

#: What must not be set: each one can choose other kernels, and so other bits.
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
    """What a process trains on.

    Attributes:
        kind: ``"cpu"`` or ``"gpu"``.
        visible: what ``CUDA_VISIBLE_DEVICES`` says: the one GPU it is to see, or ``"-1"`` for none.
    """

    kind: Literal["cpu", "gpu"] = "cpu"
    visible: str = "-1"

    @property
    def variables(self) -> dict[str, str]:
        """What has to be set before Python starts."""
        if self.kind == "cpu":
            return ENVIRONMENT | MEMORY
        # Memory growth: TensorFlow would take all of a GPU that others may share.
        growth = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
        return ENVIRONMENT | MEMORY | growth | {"CUDA_VISIBLE_DEVICES": self.visible}


#: No GPU.
CPU = Device()

#: Says in a training process's environment which kind of device it was started for.
DEVICE = "REFOLD_DEVICE"

#: What ``prepare`` switches on, as ``switches`` reports it.
SWITCHES: dict[str, Switch] = {
    "intra_op_threads": 1,
    "inter_op_threads": 1,
    "op_determinism": True,
    "onednn": platform.machine() in ("x86_64", "AMD64"),  # TensorFlow has it there only
    "xla": False,
    "gpus": 0,
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
}


def training_environment(device: Device = CPU) -> dict[str, str]:
    """Return the environment to start a training process with: this one's, with what decides bits fixed."""
    inherited = {name: value for name, value in import_environment().items() if name not in FORBIDDEN}
    return inherited | device.variables | {DEVICE: device.kind}


def in_training_process() -> bool:
    """Whether this process was started with ``training_environment()``, which no coordinator is."""
    return DEVICE in os.environ


def device() -> Device:
    """Return what this process was started to train on."""
    if os.environ.get(DEVICE) == "gpu":
        return Device("gpu", os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    return CPU


@cache
def prepare() -> None:
    """Import TensorFlow and set its switches, once a process.

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
    """Set what Keras builds networks by: neither a keras.json nor the network built before decides bits."""
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
    # A fit says that it computes in float32; NVIDIA's TF32 would round its products to 10 bits.
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)


def gpu_kind() -> str:
    """Return the kind of this process's GPU, and what drives it; nothing before ``prepare``."""
    if device().kind == "cpu" or "tensorflow" not in sys.modules:
        return ""
    import tensorflow as tf

    (gpu,) = tf.config.list_physical_devices("GPU")
    details, built = tf.config.experimental.get_device_details(gpu), tf.sysconfig.get_build_info()
    libraries = f"CUDA {built.get('cuda_version', '?')}, cuDNN {built.get('cudnn_version', '?')}"
    return f"{details.get('device_name', 'unknown')}, {libraries}"


def switches() -> dict[str, Switch]:
    """Return what TensorFlow and Keras were told, as they themselves say; nothing before ``prepare``."""
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
    """Refuse a spec that asks for what this process cannot give.

    Raises:
        RuntimeError: naming the difference.
    """
    here = {"precision": "float32", "threads": 1, "device": device().kind, "procedure": PROCEDURE}
    for name, value in here.items():
        if getattr(spec, name) != value:
            raise RuntimeError(f"the fit asks for {name} {getattr(spec, name)!r}, this worker has {value!r}")
